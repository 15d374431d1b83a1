package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// posts are connections that send one request again and again. They do as little as
// HTTP/1.1 takes: what is measured is who answers, on the same processors.
type posts struct {
	request []byte
	conns   []net.Conn
	in      []*bufio.Reader
	done    atomic.Int64
}

func newPosts(addr string, callers int, function, body string) (*posts, error) {
	p := &posts{request: fmt.Appendf(nil, "POST /%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", function, addr, len(body), body)}
	for range callers {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		p.conns, p.in = append(p.conns, c), append(p.in, bufio.NewReader(c))
	}
	return p, nil
}

// post is one request of a caller; anything but 200 is an error.
func (p *posts) post(caller int) error {
	c, in := p.conns[caller], p.in[caller]
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write(p.request); err != nil {
		return err
	}
	length, status := -1, ""
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read the gateway's answer: %w", err)
		}
		line = bytes.TrimRight(line, "\r\n")
		if status == "" {
			status = string(line)
			continue
		}
		if len(line) == 0 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return fmt.Errorf("the gateway's answer %q has no length", status)
	}
	if status != "HTTP/1.1 200 OK" {
		body, _ := io.ReadAll(io.LimitReader(in, int64(length)))
		return fmt.Errorf("the gateway answered %s: %s", status, body)
	}
	if _, err := in.Discard(length); err != nil {
		return err
	}
	p.done.Add(1)
	return nil
}

func (p *posts) close() error {
	var err error
	for _, c := range p.conns {
		err = errors.Join(err, c.Close())
	}
	return err
}
