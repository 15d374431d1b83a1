package amqpd

import (
	"slices"
	"strings"
)

func (ch *channel) exchangeDeclare(m exchangeDeclare) error {
	b := ch.c.s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.exchanges[m.name]
	switch {
	case m.name == "":
		return defaultExchange()
	case m.passive && x == nil:
		return noExchange(m.name)
	case m.passive:
	case !slices.Contains(exchangeKinds, m.kind):
		return connError(CommandInvalid, "unknown exchange type '%s'", m.kind)
	case x != nil:
		if err := x.same(m); err != nil {
			return err
		}
	case strings.HasPrefix(m.name, "amq."):
		return chanError(AccessRefused, "exchange name '%s' contains reserved prefix 'amq.*'", m.name)
	default:
		x = &exchange{name: m.name, kind: m.kind, durable: m.durable, autoDelete: m.autoDelete, internal: m.internal, args: m.args}
		x.alternate, _ = m.args["alternate-exchange"].(string)
		b.exchanges[m.name] = x
	}
	ch.answer(m.nowait, idExchangeDeclareOK)
	return nil
}

// same checks that a declaration agrees with the exchange there is.
func (x *exchange) same(m exchangeDeclare) error {
	ref := exchangeRef(x.name)
	switch {
	case x.kind != m.kind:
		return inequivalent("type", ref, plain{m.kind}, plain{x.kind})
	case x.durable != m.durable:
		return inequivalent("durable", ref, plain{m.durable}, plain{x.durable})
	case x.autoDelete != m.autoDelete:
		return inequivalent("auto_delete", ref, plain{m.autoDelete}, plain{x.autoDelete})
	case x.internal != m.internal:
		return inequivalent("internal", ref, plain{m.internal}, plain{x.internal})
	}
	return sameArgs([]string{"alternate-exchange"}, ref, m.args, x.args)
}

func (ch *channel) exchangeDelete(m exchangeDelete) error {
	b := ch.c.s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.exchanges[m.name]
	switch {
	case m.name == "":
		return defaultExchange()
	case strings.HasPrefix(m.name, "amq."):
		return chanError(AccessRefused, "deletion of system %s not allowed", exchangeRef(m.name))
	case x == nil:
	case m.ifUnused && len(x.bindings) > 0:
		return chanError(PreconditionFailed, "%s in use", exchangeRef(m.name))
	default:
		b.deleteExchange(x)
	}
	ch.answer(m.nowait, idExchangeDeleteOK)
	return nil
}

func defaultExchange() error {
	return chanError(AccessRefused, "operation not permitted on the default exchange")
}

// bind does queue.bind, queue.unbind, exchange.bind and exchange.unbind.
func (ch *channel) bind(id methodID, m bind) error {
	forQueue := id == idQueueBind || id == idQueueUnbind
	adding := id == idQueueBind || id == idExchangeBind
	bd := &binding{key: m.key, args: m.args}
	if forQueue {
		q, err := ch.queueFor(m.destination)
		if err != nil {
			if q == nil && !adding && m.destination != "" && ch.c.s.broker.queue(m.destination) == nil {
				ch.send(idQueueUnbindOK) // no queue, no binding: done already
				return nil
			}
			return err
		}
		if m.destination == "" && m.key == "" {
			bd.key = q.name
		}
		bd.queue = q
	}
	b := ch.c.s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.exchanges[m.source]
	if !forQueue {
		bd.to = b.exchanges[m.destination]
	}
	switch {
	case m.source == "" || !forQueue && m.destination == "":
		return defaultExchange()
	case !adding:
		b.unbind(x, bd)
	case x == nil:
		return noExchange(m.source)
	case !forQueue && bd.to == nil:
		return noExchange(m.destination)
	case forQueue && b.queues[bd.queue.name] != bd.queue:
		return noQueue(bd.queue.name)
	default:
		x.add(bd)
	}
	ok := map[methodID]methodID{idQueueBind: idQueueBindOK, idQueueUnbind: idQueueUnbindOK,
		idExchangeBind: idExchangeBindOK, idExchangeUnbind: idExchangeUnbindOK}[id]
	ch.answer(m.nowait, ok)
	return nil
}

// unbind removes a binding, and an auto-delete exchange with its last. mu is held.
func (b *broker) unbind(x *exchange, bd *binding) {
	if x == nil || bd.queue == nil && bd.to == nil {
		return
	}
	if x.remove(bd.same) && x.autoDelete && len(x.bindings) == 0 {
		b.deleteExchange(x)
	}
}
