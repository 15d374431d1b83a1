package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"
)

// The two sides exchange JSON values over one TCP connection a client: the
// client says hello, then answers each order until the one that lets it go.

// hello is a client's first message.
type hello struct {
	Partition int `json:"partition"`
}

// order is what the server asks of a client.
type order struct {
	Do      string  `json:"do"` // fit, evaluate or leave
	Round   int     `json:"round"`
	Weights weights `json:"weights,omitempty"`
}

// result is a client's answer to fit (weights) or evaluate (accuracy and loss).
type result struct {
	Examples int     `json:"examples"`
	Weights  weights `json:"weights,omitempty"`
	Accuracy float64 `json:"accuracy,omitempty"`
	Loss     float64 `json:"loss,omitempty"`
}

// peer is the other end of a connection. Every message has a deadline.
type peer struct {
	conn      net.Conn
	in        *json.Decoder
	partition int // on the server: which client this is
}

const maxStream = 1 << 30 // bytes that a peer may send in all

func newPeer(conn net.Conn) *peer {
	return &peer{conn: conn, in: json.NewDecoder(io.LimitReader(conn, maxStream))}
}

func (p *peer) send(message any, timeout time.Duration) error {
	if err := p.conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return fmt.Errorf("send to %s: %w", p.conn.RemoteAddr(), err)
	}
	if err := json.NewEncoder(p.conn).Encode(message); err != nil {
		return fmt.Errorf("send to %s: %w", p.conn.RemoteAddr(), err)
	}
	return nil
}

// receive fills message; a timeout of 0 waits for as long as the connection lives.
func (p *peer) receive(message any, timeout time.Duration) error {
	var deadline time.Time
	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	if err := p.conn.SetReadDeadline(deadline); err != nil {
		return fmt.Errorf("receive from %s: %w", p.conn.RemoteAddr(), err)
	}
	if err := p.in.Decode(message); err != nil {
		return fmt.Errorf("receive from %s: %w", p.conn.RemoteAddr(), err)
	}
	return nil
}
