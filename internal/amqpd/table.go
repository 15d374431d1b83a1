package amqpd

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// table is an AMQP field table. Its values are nil, bool, int8, uint8, int16,
// uint16, int32, uint32, int64, float32, float64, decimal, string, []byte,
// []any, time.Time and table.
type table map[string]any

// decimal is the wire's 'D': value / 10^scale.
type decimal struct {
	scale byte
	value uint32
}

// maxTableDepth bounds how deep tables and arrays may nest.
const maxTableDepth = 32

var errTableDepth = errors.New("a field table is nested too deeply")

// table reads a field table, its length first.
func (r *reader) table() table { return r.tableAt(0) }

func (r *reader) tableAt(depth int) table {
	in := reader{b: r.longbytes()}
	if r.err != nil {
		return nil
	}
	t := in.fields(depth)
	r.err = in.err
	return t
}

// fields reads names and values up to the end of the payload.
func (r *reader) fields(depth int) table {
	if depth > maxTableDepth {
		r.err = errTableDepth
		return nil
	}
	t := table{}
	for len(r.b) > 0 && r.err == nil {
		name := r.shortstr()
		t[name] = r.value(depth)
	}
	return t
}

func (r *reader) value(depth int) any {
	switch kind := r.octet(); kind {
	case 't':
		return r.octet() != 0
	case 'b':
		return int8(r.octet())
	case 'B':
		return r.octet()
	case 's', 'U':
		return int16(r.short())
	case 'u':
		return r.short()
	case 'I':
		return int32(r.long())
	case 'i':
		return r.long()
	case 'l', 'L':
		return int64(r.longlong())
	case 'f':
		return math.Float32frombits(r.long())
	case 'd':
		return math.Float64frombits(r.longlong())
	case 'D':
		return decimal{r.octet(), r.long()}
	case 'S':
		return r.longstr()
	case 'x':
		return slices.Clone(r.longbytes())
	case 'T':
		return time.Unix(int64(r.longlong()), 0)
	case 'F':
		return r.tableAt(depth + 1)
	case 'A':
		return r.array(depth + 1)
	case 'V':
		return nil
	default:
		if r.err == nil {
			r.err = fmt.Errorf("a field table holds a value of unknown type %q", kind)
		}
		return nil
	}
}

func (r *reader) array(depth int) []any {
	if depth > maxTableDepth {
		r.err = errTableDepth
		return nil
	}
	in := reader{b: r.longbytes()}
	if r.err != nil {
		return nil
	}
	vs := []any{}
	for len(in.b) > 0 && in.err == nil {
		vs = append(vs, in.value(depth))
	}
	r.err = in.err
	return vs
}

// appendTable writes t with its length, names in order so that equal tables
// have equal bytes.
func appendTable(b []byte, t table) []byte {
	at := len(b)
	b = appendLong(b, 0)
	for _, name := range slices.Sorted(maps.Keys(t)) {
		b = appendValue(appendShortstr(b, name), t[name])
	}
	return patchLength(b, at)
}

// patchLength sets the 32-bit length at b[at:] to what was appended since.
func patchLength(b []byte, at int) []byte {
	appendLong(b[:at], uint32(len(b)-at-4))
	return b
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 'V')
	case bool:
		return appendBool(append(b, 't'), v)
	case int8:
		return append(b, 'b', byte(v))
	case uint8:
		return append(b, 'B', v)
	case int16:
		return appendShort(append(b, 's'), uint16(v))
	case uint16:
		return appendShort(append(b, 'u'), v)
	case int32:
		return appendLong(append(b, 'I'), uint32(v))
	case uint32:
		return appendLong(append(b, 'i'), v)
	case int64:
		return appendLonglong(append(b, 'l'), uint64(v))
	case float32:
		return appendLong(append(b, 'f'), math.Float32bits(v))
	case float64:
		return appendLonglong(append(b, 'd'), math.Float64bits(v))
	case decimal:
		return appendLong(append(b, 'D', v.scale), v.value)
	case string:
		return appendLongstr(append(b, 'S'), v)
	case []byte:
		return append(appendLong(append(b, 'x'), uint32(len(v))), v...)
	case time.Time:
		return appendLonglong(append(b, 'T'), uint64(v.Unix()))
	case table:
		return appendTable(append(b, 'F'), v)
	case []any:
		b = append(b, 'A')
		at := len(b)
		b = appendLong(b, 0)
		for _, e := range v {
			b = appendValue(b, e)
		}
		return patchLength(b, at)
	default:
		panic(fmt.Sprintf("amqpd: no wire form for a table value of type %T", v))
	}
}

// integer gives any of the integer types as an int64.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int8:
		return int64(v), true
	case uint8:
		return int64(v), true
	case int16:
		return int64(v), true
	case uint16:
		return int64(v), true
	case int32:
		return int64(v), true
	case uint32:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}
