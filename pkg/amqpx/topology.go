package amqpx

import (
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// servicesExchange carries the questions that go to every service.
	servicesExchange = "agata.services"
	// maxEvents bounds the queues of events and of records, that fill while nobody
	// reads them; the oldest go first.
	maxEvents = 100_000
)

// declareQueue declares a function's queue, or that of events or records. With
// Compat the declaration equals that of Python peers, since a broker refuses one
// that differs.
func (t *Transport) declareQueue(ch *amqp.Channel, name string) error {
	var args amqp.Table
	durable := !t.opt.Compat
	switch {
	case name == contract.RecordsQueue: // no peer of another kind declares it
		durable, args = true, amqp.Table{"x-max-length": int32(maxEvents)}
	case name == contract.EventsQueue && !t.opt.Compat:
		args = amqp.Table{"x-max-length": int32(maxEvents)}
	}
	_, err := ch.QueueDeclare(name, durable, false, false, false, args)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("declare queue %s: %w", name, err)
	if ae, ok := errors.AsType[*amqp.Error](err); ok && ae.Code == amqp.PreconditionFailed {
		other := "true"
		if t.opt.Compat {
			other = "false"
		}
		return fatalError{fmt.Errorf("%w; another peer declared it differently: set compat=%s in section [broker] of config.ini, or delete the queue", err, other)}
	}
	return err
}

func declareServices(ch *amqp.Channel) error {
	if err := ch.ExchangeDeclare(servicesExchange, amqp.ExchangeFanout, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %s: %w", servicesExchange, err)
	}
	return nil
}
