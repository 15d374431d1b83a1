package amqpd

import "time"

// Why a queue lets go of a message, as x-death says it.
const (
	reasonRejected      = "rejected"
	reasonExpired       = "expired"
	reasonMaxlen        = "maxlen"
	reasonDeliveryLimit = "delivery_limit"
)

// deadEntry is a message on its way to a dead-letter exchange.
type deadEntry struct {
	entry  *entry
	reason string
}

// deadLetter publishes what q let go of to its dead-letter exchange. No queue's
// lock is held.
func (b *broker) deadLetter(q *queue, dead []deadEntry) {
	for _, d := range dead {
		m := deathNotice(q, d)
		targets, _ := b.route(m.exchange, m.key, m.props, nil)
		for _, to := range targets {
			if cycles(m, to.name) {
				continue // round and round without anyone rejecting it: drop it
			}
			to.publish(m, 0)
		}
	}
}

// deathNotice is the message as it goes on: with x-death, and without expiration.
func deathNotice(q *queue, d deadEntry) *message {
	old := d.entry.msg
	m := &message{exchange: q.args.dlx, key: old.key, body: old.body, expiration: -1}
	if q.args.hasDLKey {
		m.key = q.args.dlKey
	}
	h := old.props.headers()
	if h == nil {
		h = table{}
	}
	deaths, _ := h["x-death"].([]any)
	if len(deaths) == 0 {
		h["x-first-death-reason"], h["x-first-death-queue"], h["x-first-death-exchange"] = d.reason, q.name, old.exchange
	}
	h["x-death"] = recordDeath(deaths, q.name, d, old)
	m.props = old.props.with(propHeaders, appendTable(nil, h)).with(propExpiration, nil)
	return m
}

// recordDeath counts the death in the entry for this queue and reason, which
// moves to the front, or adds one.
func recordDeath(deaths []any, queue string, d deadEntry, old *message) []any {
	record := table{
		"count": int64(1), "reason": d.reason, "queue": queue, "exchange": old.exchange,
		"routing-keys": []any{old.key}, "time": time.Now(),
	}
	if old.props.has(propExpiration) {
		record["original-expiration"] = old.props.text(propExpiration)
	}
	rest := []any{}
	for _, x := range deaths {
		t, _ := x.(table)
		if t["queue"] == queue && t["reason"] == d.reason {
			record = t
			n, _ := integer(t["count"])
			record["count"] = n + 1
			continue
		}
		rest = append(rest, x)
	}
	return append([]any{record}, rest...)
}

// cycles says that the message has died in the queue before and that nobody
// rejected it since: automatic dead-lettering would go on for ever.
func cycles(m *message, queue string) bool {
	deaths, _ := m.props.headers()["x-death"].([]any)
	for _, x := range deaths {
		t, _ := x.(table)
		if t["reason"] == reasonRejected {
			return false
		}
		if t["queue"] == queue {
			return true
		}
	}
	return false
}
