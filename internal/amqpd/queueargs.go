package amqpd

import (
	"fmt"
	"time"
)

// queueArgs are a queue's x- arguments, parsed. Numbers are -1 where absent.
type queueArgs struct {
	raw           table
	ttl           time.Duration // x-message-ttl
	expires       time.Duration // x-expires
	maxLength     int64
	maxBytes      int64
	rejectPublish bool
	deadPublish   bool // reject-publish-dlx: dead-letter what is refused
	hasDLX        bool
	dlx, dlKey    string
	hasDLKey      bool
	deliveryLimit int64
	counted       bool // quorum queues count deliveries in a header
}

// comparedQueueArgs are those that a declaration must repeat exactly.
var comparedQueueArgs = []string{"x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key",
	"x-max-length", "x-max-length-bytes", "x-max-priority", "x-overflow", "x-queue-mode", "x-single-active-consumer",
	"x-queue-type", "x-delivery-limit"}

// parseQueueArgs checks the arguments of a declaration of the queue named.
func parseQueueArgs(name string, d queueDeclare) (queueArgs, error) {
	a := queueArgs{raw: d.args, ttl: -1, expires: -1, maxLength: -1, maxBytes: -1, deliveryLimit: -1}
	invalid := func(key, why string) error {
		return chanError(PreconditionFailed, "invalid arg '%s' for %s: %s", key, queueRef(name), why)
	}
	number := func(key string, least int64, set func(int64)) error {
		v, ok := d.args[key]
		if !ok {
			return nil
		}
		n, isInt := integer(v)
		switch {
		case !isInt:
			return invalid(key, `"expected integer, got `+fieldType(v)+`"`)
		case n < 0:
			return invalid(key, fmt.Sprintf("{value_negative,%d}", n))
		case n < least:
			return invalid(key, fmt.Sprintf("{value_zero,%d}", n))
		}
		set(n)
		return nil
	}
	var bad error
	check := func(err error) {
		if bad == nil {
			bad = err
		}
	}
	text := func(key string) (string, bool) {
		v, ok := d.args[key]
		s, isText := v.(string)
		if ok && !isText {
			check(chanError(PreconditionFailed, "invalid type '%s' for arg '%s' in %s", fieldType(v), key, queueRef(name)))
		}
		return s, ok && isText
	}
	check(number("x-message-ttl", 0, func(n int64) { a.ttl = milliseconds(n) }))
	check(number("x-expires", 1, func(n int64) { a.expires = milliseconds(n) }))
	check(number("x-max-length", 0, func(n int64) { a.maxLength = n }))
	check(number("x-max-length-bytes", 0, func(n int64) { a.maxBytes = n }))
	check(number("x-delivery-limit", 0, func(n int64) { a.deliveryLimit = n }))
	a.dlx, a.hasDLX = text("x-dead-letter-exchange")
	a.dlKey, a.hasDLKey = text("x-dead-letter-routing-key")
	if a.hasDLKey && !a.hasDLX {
		check(invalid("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined"))
	}
	if s, ok := text("x-overflow"); ok {
		switch s {
		case "drop-head":
		case "reject-publish":
			a.rejectPublish = true
		case "reject-publish-dlx":
			a.rejectPublish, a.deadPublish = true, true
		default:
			check(invalid("x-overflow", "invalid_overflow"))
		}
	}
	if s, ok := text("x-queue-type"); ok {
		switch s {
		case "classic":
		case "quorum":
			a.counted = true
			if !d.durable {
				check(chanError(PreconditionFailed, "invalid property 'non-durable' for %s", queueRef(name)))
			}
			if d.exclusive {
				check(chanError(PreconditionFailed, "invalid property 'exclusive-owner' for %s", queueRef(name)))
			}
		case "stream":
			check(connError(NotImplemented, "streams are not served by the embedded broker"))
		default:
			check(chanError(PreconditionFailed, "invalid arg 'x-queue-type' for %s: \"unsupported queue type '%s'\"", queueRef(name), s))
		}
	}
	return a, bad
}

// milliseconds caps at a century, so that sums with the clock cannot overflow.
func milliseconds(n int64) time.Duration {
	return time.Duration(min(n, 100*365*24*3600*1000)) * time.Millisecond
}

// fieldType names a table value's type as RabbitMQ does.
func fieldType(v any) string {
	switch v.(type) {
	case string:
		return "longstr"
	case int32:
		return "signedint"
	case int64:
		return "long"
	case uint32:
		return "unsignedint"
	case int16:
		return "short"
	case uint16:
		return "unsignedshort"
	case int8:
		return "byte"
	case uint8:
		return "unsignedbyte"
	case bool:
		return "bool"
	case float32:
		return "float"
	case float64:
		return "double"
	case table:
		return "table"
	case []any:
		return "array"
	case []byte:
		return "binary"
	case time.Time:
		return "timestamp"
	case nil:
		return "void"
	}
	return "decimal"
}

// inequivalent is the error of a declaration that differs from what exists.
func inequivalent(arg, ref string, received, current any) error {
	return chanError(PreconditionFailed, "inequivalent arg '%s' for %s: received %s but current is %s",
		arg, ref, describe(received), describe(current))
}

// absent stands for an argument that a declaration lacks.
type absent struct{}

// plain wraps a flag or a type name, which RabbitMQ quotes without its type.
type plain struct{ v any }

func describe(v any) string {
	switch v := v.(type) {
	case absent:
		return "none"
	case plain:
		return fmt.Sprintf("'%v'", v.v)
	}
	return fmt.Sprintf("the value '%v' of type '%s'", v, fieldType(v))
}

// sameArgs compares the named arguments; integers are equal whatever their width.
func sameArgs(keys []string, ref string, received, current table) error {
	for _, key := range keys {
		r, inR := received[key]
		c, inC := current[key]
		if !inR && !inC {
			continue
		}
		if inR && inC {
			rn, isInt := integer(r)
			cn, isInt2 := integer(c)
			if isInt && isInt2 && rn == cn {
				continue
			}
			if !isInt && !isInt2 && fieldType(r) == fieldType(c) && fmt.Sprint(r) == fmt.Sprint(c) {
				continue
			}
		}
		switch {
		case !inR:
			r = absent{}
		case !inC:
			c = absent{}
		default: // the type is told only where there is nothing to compare it with
			r, c = plain{r}, plain{c}
		}
		return inequivalent(key, ref, r, c)
	}
	return nil
}
