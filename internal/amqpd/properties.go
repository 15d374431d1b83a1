package amqpd

import (
	"encoding/binary"
	"fmt"
)

// property is one of the fourteen message properties, numbered in wire order.
type property int

const (
	propContentType property = iota
	propContentEncoding
	propHeaders
	propDeliveryMode
	propPriority
	propCorrelationID
	propReplyTo
	propExpiration
	propMessageID
	propTimestamp
	propType
	propUserID
	propAppID
	propClusterID
	propCount
)

func (p property) bit() uint16 { return 1 << (15 - int(p)) }

// properties is a content header's property list as it came off the wire: flags
// and fields. It is passed on byte for byte unless the broker must change it.
type properties struct {
	raw []byte
}

// has says that the property is present.
func (p properties) has(f property) bool {
	return len(p.raw) >= 2 && binary.BigEndian.Uint16(p.raw)&f.bit() != 0
}

// find gives the bytes of one field, its length prefix included.
func (p properties) find(want property) []byte {
	if !p.has(want) {
		return nil
	}
	flags := binary.BigEndian.Uint16(p.raw)
	r := reader{b: p.raw[2:]}
	for f := range propCount {
		if flags&f.bit() == 0 {
			continue
		}
		before := r.b
		r.skipProperty(f)
		if f == want {
			return before[:len(before)-len(r.b)]
		}
	}
	return nil
}

func (r *reader) skipProperty(f property) {
	switch f {
	case propHeaders:
		r.longbytes()
	case propDeliveryMode, propPriority:
		r.octet()
	case propTimestamp:
		r.longlong()
	default:
		r.take(int(r.octet()))
	}
}

// text gives a short-string property, "" if absent.
func (p properties) text(f property) string {
	if b := p.find(f); len(b) > 0 {
		return string(b[1:])
	}
	return ""
}

// headers decodes the headers table; nil if absent.
func (p properties) headers() table {
	b := p.find(propHeaders)
	if b == nil {
		return nil
	}
	r := reader{b: b}
	return r.table()
}

// with returns a copy in which the field has these bytes, or with nil none.
func (p properties) with(field property, value []byte) properties {
	flags := binary.BigEndian.Uint16(p.raw)
	out := make([]byte, 2, len(p.raw)+len(value))
	for f := range propCount {
		b := value
		if f != field {
			b = p.find(f)
		}
		flags &^= f.bit()
		if b != nil {
			flags |= f.bit()
			out = append(out, b...)
		}
	}
	binary.BigEndian.PutUint16(out, flags)
	return properties{raw: out}
}

// decodeHeader reads a content header frame: the announced body size and a copy
// of the properties, whose fields have been checked to be well formed.
func decodeHeader(payload []byte) (class uint16, size uint64, p properties, err error) {
	r := reader{b: payload}
	class = r.short()
	r.short()
	size = r.longlong()
	raw := r.b
	flags := r.short()
	if r.err == nil && flags&3 != 0 {
		r.err = fmt.Errorf("content header sets flag bits that have no property: %#04x", flags&3)
	}
	for f := range propCount {
		if flags&f.bit() == 0 {
			continue
		}
		if f == propHeaders {
			r.table()
			continue
		}
		r.skipProperty(f)
	}
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("content header has %d bytes too many", len(r.b))
	}
	if r.err != nil {
		return class, size, properties{}, connError(SyntaxError, "content header: %v", r.err)
	}
	return class, size, properties{raw: append([]byte(nil), raw...)}, nil
}
