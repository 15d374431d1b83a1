package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// The kinds of brokers under test.
const (
	Embedded = "embedded"
	RabbitMQ = "rabbitmq"
)

// Options of [Run] and [Faults].
type Options struct {
	Binary   string // the command agata
	Python   string // interpreter of tasks
	Dir      string // folder for all state; what violated an invariant stays there
	Seed     uint64 // of the first run; each next one has the next
	Runs     int
	Parallel int    // systems at once; 1 if zero
	Broker   string // Embedded or RabbitMQ
	Nodes    []Node // of RabbitMQ
	// Closed has the systems ask for credentials, encrypt, and run what is signed.
	Closed bool
	// Bound is how long all may take to be right after the last fault; 20 s if zero.
	Bound time.Duration
	// Settings are put over those of every process, section.key to value.
	Settings map[string]string
	// Each is told of every run that ended; nil: nobody is.
	Each   func(done int, violations []Violation)
	Logger *slog.Logger
}

func (o *Options) complete(ctx context.Context) (err error) {
	if o.Parallel == 0 {
		o.Parallel = 1
	}
	if o.Bound == 0 {
		o.Bound = 20 * time.Second
	}
	if o.Broker == "" {
		o.Broker = Embedded
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Binary == "" || o.Dir == "":
		return errors.New("chaos: the command and the folder are required")
	case o.Runs < 1 || o.Parallel < 1:
		return errors.New("chaos: give at least one run, and one system")
	case o.Broker != Embedded && o.Broker != RabbitMQ:
		return fmt.Errorf("chaos: there is no broker %q; there are %s and %s", o.Broker, Embedded, RabbitMQ)
	case o.Broker == RabbitMQ && len(o.Nodes) == 0:
		return errors.New("chaos: name a RabbitMQ node, as amqp-port,management-port")
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return err
	}
	if o.Python, err = interpreter(ctx, o.Python); err != nil {
		return err
	}
	return os.MkdirAll(o.Dir, 0o700)
}

// schedule is what a run plays, from its number, from 0.
func (o *Options) schedule(run int) Schedule {
	s := NewSchedule(o.Seed + uint64(run))
	if o.Closed {
		s = s.closed()
	}
	return s
}
