package amqpx

import (
	"errors"
	"fmt"
	"math"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// servicesExchange carries the questions that go to every service.
	servicesExchange = "agata.services"
	// maxEvents bounds the queues of events and of records, that fill while nobody
	// reads them; the oldest go first.
	maxEvents = 100_000
	// callDeliveries is how often a call is given to services that die of it; its
	// deadline mostly comes first.
	callDeliveries = 20
	// ownedExpires is how long the queue of one service's own function is kept that
	// nobody reads, in milliseconds: longer than a restart takes.
	ownedExpires = 10 * 60 * 1000
)

// declaration is how a queue that has a name is declared.
type declaration struct {
	durable bool
	args    amqp.Table
}

// declarationOf tells how a function's queue, or that of events or records, is
// declared. With Compat it equals what Python peers declare, since a broker refuses
// one that differs; the records none of them declares.
//
// The limits of deliveries are given, since RabbitMQ 4 has one of its own and 3 has
// none: a call that ends its service each time is dropped, and an event or a record
// that cannot be stored yet is not.
func (o Options) declarationOf(name string) declaration {
	told := name == contract.RecordsQueue || name == contract.EventsQueue
	owned := strings.HasPrefix(name, contract.OwnedTaskPrefix)
	if o.Compat && name != contract.RecordsQueue && !owned {
		return declaration{}
	}
	args := amqp.Table{}
	if told {
		args["x-max-length"] = int32(maxEvents)
	}
	if owned {
		args["x-expires"] = int32(ownedExpires)
	}
	if o.Quorum {
		args["x-queue-type"], args["x-delivery-limit"] = amqp.QueueTypeQuorum, int32(callDeliveries)
		if told {
			args["x-delivery-limit"] = int32(math.MaxInt32)
		}
	}
	return declaration{durable: true, args: args}
}

// Declare declares a queue on a channel as services with these options do; only
// Compat and Quorum count.
func (o Options) Declare(ch *amqp.Channel, name string) error {
	d := o.declarationOf(name)
	_, err := ch.QueueDeclare(name, d.durable, false, false, false, d.args)
	return err
}

// declareQueue declares a queue, and says what to do where the broker refuses.
func (t *Transport) declareQueue(ch *amqp.Channel, name string) error {
	err := t.opt.Declare(ch, name)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("declare queue %s: %w", name, err)
	ae, ok := errors.AsType[*amqp.Error](err)
	switch {
	case ok && ae.Code == amqp.PreconditionFailed:
		return fatalError{fmt.Errorf("%w; another peer declared it differently: set compat=%t in section [broker] of config.ini if that is one in Python, or queue_type=%s if it is AGATA with another type, or delete the queue (rabbitmqctl delete_queue %s) when all that use it are stopped",
			err, !t.opt.Compat, t.otherType(), name)}
	case ok && ae.Code == amqp.NotFound && !t.opt.Quorum:
		return fmt.Errorf("%w; a queue of the classic type waits for its node: with queue_type=quorum in section [broker] of config.ini a cluster goes on without it", err)
	}
	return err
}

func (t *Transport) otherType() string {
	if t.opt.Quorum {
		return amqp.QueueTypeClassic
	}
	return amqp.QueueTypeQuorum
}

func declareServices(ch *amqp.Channel) error {
	if err := ch.ExchangeDeclare(servicesExchange, amqp.ExchangeFanout, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %s: %w", servicesExchange, err)
	}
	return nil
}
