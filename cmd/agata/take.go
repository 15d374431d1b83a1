package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// quietTime without an event means that the queues are empty.
	quietTime = time.Second
	// gatherTime bounds the gathering where events never pause.
	gatherTime = time.Minute
)

// takeOptions are the flags of events take.
type takeOptions struct {
	follow, cloud, client bool
	out                   string
}

func (c *cli) takeCommand() *cobra.Command {
	var opt takeOptions
	cmd := &cobra.Command{
		Use:   "take",
		Short: "Take the events of services off the brokers' queues and print them",
		Long: `Take the events of services off the brokers' queues and print them in the order
of time: what is there now, or with --follow also what comes, as it comes.
Services write events if register_events is on (section [events] of config.ini).

Taking is for good: an event that was read here, nobody else reads. --out keeps
them in a file, which agata events figures reads. Of the two brokers, one that
does not answer is left out unless a flag asks for it.`,
		Example: "  agata events take --out events.json\n  agata events take --follow --cloud --format json",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.take(cmd.Context(), opt)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&opt.follow, "follow", "f", false, "go on until interrupted; --format json prints an object a line")
	f.StringVar(&opt.out, "out", "", "write the events to a file at the end, as one JSON array; an older file is replaced")
	f.BoolVar(&opt.cloud, "cloud", false, "read the cloud's broker")
	f.BoolVar(&opt.client, "client", false, "read the client's broker")
	return cmd
}

func (c *cli) take(ctx context.Context, opt takeOptions) error {
	if opt.out != "" {
		// Before an event is taken: can it be kept?
		if err := writable(opt.out); err != nil {
			return usagef("--out: %w", err)
		}
	}
	transports, err := c.eventTransports(opt)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var g errgroup.Group
	for _, t := range transports {
		g.Go(func() error { return t.Run(ctx) })
	}
	col := timeline.NewCollector(nil)
	err = c.gather(ctx, opt, col, transports)
	cancel()
	err = errors.Join(err, g.Wait())

	events := append([]contract.Event{}, col.Events()...) // none is [] in JSON
	if err != nil && len(events) == 0 {
		return err
	}
	shown := opt.follow
	if opt.out != "" {
		if werr := timeline.WriteFile(opt.out, events); werr != nil {
			err = errors.Join(err, fmt.Errorf("write the events, which are printed instead: %w", werr))
		} else {
			shown = true
			fmt.Fprintf(c.err, "%d events in %s\n", len(events), opt.out)
		}
	}
	if shown {
		return err
	}
	return errors.Join(err, c.print(events, func(w io.Writer) {
		rows := make([][]string, len(events))
		for i, e := range events {
			rows[i] = []string{clockText(e.Time), e.Service, e.Function, e.Event}
		}
		tabulate(w, []string{"TIME", "SERVICE", "FUNCTION", "EVENT"}, rows)
	}))
}

// writable tells whether a file can be written, and leaves it as it is.
func writable(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	_, before := os.Stat(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	err = f.Close()
	if errors.Is(before, os.ErrNotExist) {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// eventTransports are the ways to the brokers that are read, by side.
func (c *cli) eventTransports(opt takeOptions) (map[string]*way, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	all := map[string]*way{}
	for side, wanted := range map[string]bool{cloudSide: opt.cloud, clientSide: opt.client} {
		if !wanted && (opt.cloud || opt.client) {
			continue
		}
		if all[side], err = c.transport(cfg, side); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// gather reads the brokers that answer, until they are quiet, or with follow
// until ctx ends.
func (c *cli) gather(ctx context.Context, opt takeOptions, col *timeline.Collector, transports map[string]*way) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tap := &tap{came: make(chan struct{}, 1), seen: map[contract.Event]bool{}}
	if opt.follow {
		tap.show = c.takenPrinter()
	}
	var mu sync.Mutex
	var sources []timeline.Source
	var missing []error
	var ready sync.WaitGroup
	for side, t := range transports {
		ready.Go(func() {
			err := t.connect(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				missing = append(missing, fmt.Errorf("%w (the %s's broker)", err, side))
			} else {
				sources = append(sources, tapped{t, tap})
			}
		})
	}
	ready.Wait()
	if err := errors.Join(missing...); err != nil {
		if len(sources) == 0 || opt.cloud || opt.client {
			return err
		}
		fmt.Fprintf(c.err, "left out: %v\n", err)
	}
	done := make(chan error, 1)
	go func() { done <- col.Run(ctx, sources...) }()
	end := time.NewTimer(gatherTime)
	quiet := time.NewTimer(quietTime)
	defer end.Stop()
	defer quiet.Stop()
	if opt.follow {
		end.Stop()
		quiet.Stop()
	}
	for {
		select {
		case err := <-done: // ctx ended, or a queue cannot be read
			return err
		case <-tap.came:
			if !opt.follow {
				quiet.Reset(quietTime)
			}
			continue
		case <-end.C:
			fmt.Fprintf(c.err, "events still come after %s; the rest stays on the queue (--follow goes on)\n", gatherTime)
		case <-quiet.C:
		}
		cancel()
		return <-done
	}
}

// takenPrinter writes events one by one, in columns or as an object a line.
func (c *cli) takenPrinter() func(contract.Event) {
	if c.format == "json" {
		enc := json.NewEncoder(c.out)
		return func(e contract.Event) { _ = enc.Encode(e) }
	}
	return func(e contract.Event) {
		fmt.Fprintf(c.out, "%s  %-20s  %-34s  %s\n", clockText(e.Time), cell(e.Service), cell(e.Function), cell(e.Event))
	}
}

// clockText is a time of day, with microseconds: figures differ by less than one.
func clockText(unix float64) string {
	return time.UnixMicro(int64(unix * 1e6)).Format("15:04:05.000000")
}
