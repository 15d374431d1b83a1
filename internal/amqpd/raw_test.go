package amqpd

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// raw is a client that may break the protocol.
type raw struct {
	testing.TB
	nc net.Conn
	in frameReader
}

func newRaw(t testing.TB, nc net.Conn) *raw {
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	return &raw{TB: t, nc: nc, in: frameReader{r: bufio.NewReader(nc), max: 1 << 20}}
}

func dialRaw(t testing.TB, s *Server) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return newRaw(t, nc)
}

func (r *raw) write(b []byte) {
	r.Helper()
	if _, err := r.nc.Write(b); err != nil {
		r.Fatal(err)
	}
}

// method is a method frame.
func method(channel uint16, id methodID, args ...any) []byte {
	b, at := openMethod(nil, channel, id)
	return closeFrame(appendArgs(b, args), at)
}

// header is a content header frame without properties.
func header(channel, class uint16, size uint64) []byte {
	b, at := openFrame(nil, frameHeader, channel)
	b = appendShort(appendShort(b, class), 0)
	return closeFrame(appendShort(appendLonglong(b, size), 0), at)
}

func bodyFrame(channel uint16, body string) []byte {
	b, at := openFrame(nil, frameBody, channel)
	return closeFrame(append(b, body...), at)
}

func startOK(user, password string, caps table) []byte {
	return method(0, idConnectionStartOK, table{"capabilities": caps}, "PLAIN", longstr("\x00"+user+"\x00"+password), "en_US")
}

// opening is all that a client says until its connection is open, channel 1 too.
func opening(heartbeat uint16) []byte {
	b := []byte(protocolHeader)
	b = append(b, startOK("guest", "guest", table{"authentication_failure_close": true})...)
	b = append(b, method(0, idConnectionTuneOK, uint16(0), uint32(frameMinSize), heartbeat)...)
	b = append(b, method(0, idConnectionOpen, "/", "", byte(0))...)
	return append(b, method(1, idChannelOpen, "")...)
}

func (r *raw) open() *raw {
	r.Helper()
	r.write(opening(0))
	for _, want := range []methodID{idConnectionStart, idConnectionTune, idConnectionOpenOK, idChannelOpenOK} {
		r.expect(want)
	}
	return r
}

// expect reads frames until the method comes, and gives its arguments.
func (r *raw) expect(want methodID) *reader {
	r.Helper()
	for {
		f, err := r.in.next()
		if err != nil {
			r.Fatalf("waiting for %s: %v", want, err)
		}
		if f.kind != frameMethod {
			continue
		}
		args := reader{b: f.payload}
		if id := methodID(args.long()); id != want {
			r.Fatalf("got %s %q, want %s", id, args.b, want)
		}
		return &args
	}
}

// closes reads a close of the connection or, with a channel, of a channel.
func (r *raw) closes(id methodID, code Code, text string) {
	r.Helper()
	args := r.expect(id)
	if got, reason := Code(args.short()), args.shortstr(); got != code || !strings.Contains(reason, text) {
		r.Errorf("got %d %q, want %d %q", got, reason, code, text)
	}
}

// ends reads until the broker has closed the socket.
func (r *raw) ends() {
	r.Helper()
	if _, err := io.Copy(io.Discard, r.in.r); errors.Is(err, os.ErrDeadlineExceeded) {
		r.Error("the broker left the connection open")
	}
}
