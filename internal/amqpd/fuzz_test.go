package amqpd

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"math"
	"net"
	"reflect"
	"testing"
	"time"
)

var everyValue = table{
	"nil": nil, "bool": true, "i8": int8(-1), "u8": uint8(1), "i16": int16(-2), "u16": uint16(2), "i32": int32(-3), "u32": uint32(3),
	"i64": int64(math.MinInt64), "f32": float32(1.5), "f64": 2.5, "decimal": decimal{2, 314}, "text": "ä", "bytes": []byte{0},
	"time": time.Unix(1700000000, 0), "table": table{"in": table{}}, "array": []any{int32(1), []any{}, table{"x": "y"}},
}

func TestTableRoundTrip(t *testing.T) {
	r := reader{b: appendTable(nil, everyValue)}
	if got := r.table(); r.err != nil || len(r.b) != 0 || !reflect.DeepEqual(got, everyValue) {
		t.Errorf("%v, %d bytes left\ngot  %v\nwant %v", r.err, len(r.b), got, everyValue)
	}
}

func TestTableDepthIsBounded(t *testing.T) {
	deep := table{}
	for range maxTableDepth + 1 {
		deep = table{"": deep}
	}
	r := reader{b: appendTable(nil, deep)}
	if r.table(); r.err != errTableDepth {
		t.Errorf("got %v", r.err)
	}
}

// FuzzTable checks that what can be decoded can be encoded, to the same effect.
func FuzzTable(f *testing.F) {
	f.Add(appendTable(nil, everyValue))
	f.Add([]byte{0, 0, 0, 3, 1, 'a', 'V'})
	f.Add([]byte{255, 255, 255, 255, 1, 'a', 'F'})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := reader{b: data}
		first := r.table()
		if r.err != nil {
			return
		}
		once := appendTable(nil, first)
		again := reader{b: once}
		second := again.table()
		if again.err != nil || !bytes.Equal(appendTable(nil, second), once) {
			t.Errorf("%v: %v became %v", again.err, first, second)
		}
	})
}

// FuzzFrames checks that the reader takes whole frames and nothing else.
func FuzzFrames(f *testing.F) {
	f.Add(frames(method(1, idChannelOpen, ""), bodyFrame(2, "x"), []byte{frameHeartbeat, 0, 0, 0, 0, 0, 0, frameEnd}))
	f.Add([]byte{1, 0, 0, 255, 255, 255, 255, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		fr := frameReader{r: bufio.NewReader(bytes.NewReader(data)), max: frameMinSize}
		var back []byte
		for {
			fm, err := fr.next()
			if err != nil {
				break
			}
			b, at := openFrame(back, fm.kind, fm.channel)
			back = closeFrame(append(b, fm.payload...), at)
		}
		if !bytes.HasPrefix(data, back) {
			t.Errorf("read %x out of %x", back, data)
		}
	})
}

func FuzzMethod(f *testing.F) {
	for id := range methodNames {
		f.Add(append(appendLong(nil, uint32(id)), make([]byte, 24)...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		id, m, err := decodeMethod(data)
		if (m == nil) != (err != nil) {
			t.Errorf("%s decoded to %v and %v", id, m, err)
		}
	})
}

// FuzzHeader checks that properties which decode survive being taken apart.
func FuzzHeader(f *testing.F) {
	f.Add(header(1, classBasic, 5)[7:])
	full := appendLong(nil, classBasic<<16)
	full = appendShort(appendLonglong(full, 1), 0xfffc)
	full = appendTable(appendShortstr(appendShortstr(full, "type"), "encoding"), everyValue)
	full = append(full, 2, 3)
	for _, s := range []string{"correlation", replyTo, "100", "id"} {
		full = appendShortstr(full, s)
	}
	full = appendLonglong(full, 1)
	for _, s := range []string{"type", "guest", "app", "cluster"} {
		full = appendShortstr(full, s)
	}
	f.Add(full)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, p, err := decodeHeader(data)
		if err != nil {
			return
		}
		p.headers()
		same := p
		for field := range propCount {
			same = same.with(field, same.find(field))
		}
		if !bytes.Equal(same.raw, p.raw) {
			t.Errorf("%x became %x", p.raw, same.raw)
		}
		if p = p.with(propExpiration, nil); p.has(propExpiration) || p.text(propReplyTo) != same.text(propReplyTo) {
			t.Errorf("taking the expiration out of %x gave %x", same.raw, p.raw)
		}
	})
}

// panicky fails the test on anything logged as an error, which is how a
// connection reports that the broker panicked.
type panicky struct{ t testing.TB }

func (p panicky) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (p panicky) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { p.t.Log(a); return true })
	p.t.Error(r.Message)
	return nil
}
func (p panicky) WithAttrs([]slog.Attr) slog.Handler { return p }
func (p panicky) WithGroup(string) slog.Handler      { return p }

// packed turns frames into what unpacked makes them from.
func packed(fs []byte) []byte {
	var b []byte
	fr := frameReader{r: bufio.NewReader(bytes.NewReader(fs)), max: frameMinSize}
	for {
		f, err := fr.next()
		if err != nil {
			return b
		}
		b = append(append(b, f.kind, byte(f.channel), byte(len(f.payload))), f.payload...)
	}
}

// unpacked makes well-formed frames of any bytes, so that fuzzing gets past them.
func unpacked(b []byte) []byte {
	var fs []byte
	for len(b) >= 3 {
		n := min(int(b[2]), len(b)-3)
		var at int
		fs, at = openFrame(fs, b[0]%9, uint16(b[1]%4))
		fs = closeFrame(append(fs, b[3:3+n]...), at)
		b = b[3+n:]
	}
	return fs
}

// FuzzConnection feeds an open connection: with raw any bytes, else any frames.
// Whatever comes, the connection ends and gives back what it held.
func FuzzConnection(f *testing.F) {
	publish := func(exchange, key, body string) []byte {
		return frames(method(1, idBasicPublish, uint16(0), exchange, key, byte(1)), header(1, classBasic, uint64(len(body))), bodyFrame(1, body))
	}
	add := func(fs []byte) {
		f.Add(true, fs)
		f.Add(false, packed(fs))
	}
	declare := func(name string, args table) []byte {
		return method(1, idQueueDeclare, uint16(0), name, byte(1<<2), args)
	}
	consume := func(queue string, flags byte) []byte {
		return method(1, idBasicConsume, uint16(0), queue, "", flags, table{})
	}
	add(frames(method(1, idConfirmSelect, byte(0)), declare("q", table{}), publish("", "q", "hello"), consume("q", 0),
		method(1, idBasicNack, uint64(1), byte(3)), method(1, idBasicAck, uint64(2), byte(0)), method(1, idBasicAck, uint64(9), byte(0))))
	add(frames(declare("q", table{"x-max-length": int32(1), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"}),
		publish("", "q", "a"), publish("", "q", "b"), method(1, idBasicGet, uint16(0), "q", byte(0)), method(1, idBasicRecover, byte(1)),
		method(1, idQueuePurge, uint16(0), "q", byte(0)), method(1, idQueueDelete, uint16(0), "q", byte(0)), method(1, idChannelClose, uint16(0), "", uint32(0))))
	add(frames(method(1, idExchangeDeclare, uint16(0), "x", "topic", byte(0), table{}), declare("", table{}),
		method(1, idQueueBind, uint16(0), "", "x", "a.#", byte(0), table{}), method(1, idExchangeBind, uint16(0), "x", "x", "#", byte(0), table{}),
		publish("x", "a.b", "c"), method(1, idExchangeDelete, uint16(0), "x", byte(0))))
	add(frames(consume(replyTo, 2), publish("", replyTo+".x", "y"), method(1, idBasicQos, uint32(0), uint16(1), byte(1)),
		method(0, idConnectionClose, uint16(200), "", uint32(0))))
	f.Fuzz(func(t *testing.T, raw bool, data []byte) {
		if !raw {
			data = unpacked(data)
		}
		s, err := New(Options{Listener: &pipes{}, Logger: slog.New(panicky{t}), MaxBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		client, server := net.Pipe()
		ended := make(chan struct{})
		c := newConn(s, server)
		go func() { c.serve(); close(ended) }()
		go io.Copy(io.Discard, client)
		client.SetDeadline(time.Now().Add(5 * time.Second))
		client.Write(append(opening(0), data...)) // fails once the broker has had enough
		client.Close()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the connection does not end")
		}
		for _, q := range s.broker.queues {
			if q.owner != nil || q.unacked != 0 || len(q.consumers) != 0 {
				t.Errorf("queue %q has %d messages unacknowledged, %d consumers, exclusive %v", q.name, q.unacked, len(q.consumers), q.owner != nil)
			}
			s.broker.deleteQueue(q, func() bool { return true })
		}
		if st := s.Stats(); st.Messages != 0 || st.Bytes != 0 || len(s.broker.replies) != 0 || c.channelCount.Load() != 0 {
			t.Errorf("left behind: %+v, %d reply addresses, %d channels", st, len(s.broker.replies), c.channelCount.Load())
		}
	})
}
