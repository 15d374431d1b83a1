package amqpd

import (
	"encoding/binary"
	"errors"
)

// errShort reports a payload that ends before its last field.
var errShort = errors.New("the payload ends before its last field")

// reader takes fields off a payload. The first error sticks, and every later
// field reads as zero, so that callers check err once, at the end.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b) {
		if r.err == nil {
			r.err = errShort
		}
		r.b = nil
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) octet() byte {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) short() uint16 {
	if p := r.take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

func (r *reader) long() uint32 {
	if p := r.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (r *reader) longlong() uint64 {
	if p := r.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

func (r *reader) shortstr() string { return string(r.take(int(r.octet()))) }

// longbytes returns a slice of the payload itself: copy it to keep it.
func (r *reader) longbytes() []byte {
	n := r.long()
	if uint64(n) > uint64(len(r.b)) {
		r.take(len(r.b) + 1)
		return nil
	}
	return r.take(int(n))
}

func (r *reader) longstr() string { return string(r.longbytes()) }

// bits reads one octet of packed flags, lowest bit first.
func (r *reader) bits(flags ...*bool) {
	o := r.octet()
	for i, f := range flags {
		*f = o&(1<<i) != 0
	}
}

func appendShort(b []byte, v uint16) []byte    { return binary.BigEndian.AppendUint16(b, v) }
func appendLong(b []byte, v uint32) []byte     { return binary.BigEndian.AppendUint32(b, v) }
func appendLonglong(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// appendShortstr cuts at 255 bytes, the most that a short string can hold.
func appendShortstr(b []byte, s string) []byte {
	if len(s) > 255 {
		s = s[:255]
	}
	return append(append(b, byte(len(s))), s...)
}

func appendLongstr(b []byte, s string) []byte {
	return append(appendLong(b, uint32(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// longstr marks a string that appendArgs writes with a 32-bit length.
type longstr string

// appendArgs writes method arguments by their Go types: string is a short
// string, and a bool takes an octet, since no method that a broker sends has
// two flags side by side.
func appendArgs(b []byte, args []any) []byte {
	for _, a := range args {
		switch v := a.(type) {
		case string:
			b = appendShortstr(b, v)
		case longstr:
			b = appendLongstr(b, string(v))
		case byte:
			b = append(b, v)
		case bool:
			b = appendBool(b, v)
		case uint16:
			b = appendShort(b, v)
		case uint32:
			b = appendLong(b, v)
		case uint64:
			b = appendLonglong(b, v)
		case table:
			b = appendTable(b, v)
		default:
			panic("amqpd: no wire form for a method argument")
		}
	}
	return b
}
