package httpx

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// ErrNotDetachable means that a response cannot leave its server: HTTP/2 has many
// on one connection, and a test's recorder has none.
var ErrNotDetachable = errors.New("the response cannot be detached from its server")

// Detach sends the head of a response, with status 200 and the headers that w has,
// and takes its connection over: what is written to it from then on is the body,
// until it is closed, by the caller. The handler may return meanwhile, and its
// goroutine, its stack and the server's buffers go: a stream that says little and
// lasts long takes a tenth of the memory so.
//
// The request's context ends when the handler returns; its values may be used on.
// The server's drain does not wait for the connection, nor end it.
func Detach(w http.ResponseWriter, r *http.Request) (net.Conn, error) {
	if r.ProtoMajor != 1 {
		return nil, ErrNotDetachable
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, http.ErrNotSupported) {
		return nil, ErrNotDetachable
	}
	if err != nil {
		return nil, fmt.Errorf("detach a response: %w", err)
	}
	if n := buffered.Reader.Buffered(); n > 0 {
		return nil, errors.Join(fmt.Errorf("detach a response: %d bytes came behind the request, on a connection that will answer no other", n), conn.Close())
	}
	h := w.Header()
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("Connection", "close") // its end is that of the body
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head) // a buffer takes everything
	head.WriteString("\r\n")
	if err = conn.SetWriteDeadline(time.Now().Add(headTime)); err == nil {
		_, err = conn.Write(head.Bytes())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("detach a response: %w", err), conn.Close())
	}
	return conn, nil
}

// headTime is how long a client may take for the head of a response.
const headTime = 15 * time.Second
