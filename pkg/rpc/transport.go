package rpc

import (
	"context"
	"time"
)

// Request is a call as a transport sends it.
type Request struct {
	Function string
	Body     []byte // a JSON object
	// MessageID names the call; a repetition of the call carries the same. A
	// transport fills in an absent one.
	MessageID string
	Trace     string // W3C traceparent, or empty
	Seal      string // who calls, as the cloud's key vouches; see [Sealed]
	// Accept tells whether an answer is believed; one that is not is passed over.
	// nil: every one is. It must be quick, and may be called by any goroutine.
	Accept func(Reply) bool
}

// Reply is an answer as a transport receives or sends it.
type Reply struct {
	Body []byte
	Code string // the error's code beside the body, or empty
	Seal string // whose answer it is, as the cloud's key vouches, or empty
}

// Message is a call as a worker receives it.
type Message struct {
	Function string
	Body     []byte
	// MessageID names the call: a repetition and a redelivery bear the same.
	MessageID   string
	Trace       string
	Seal        string // who calls, or empty
	Redelivered bool
	Received    time.Time
	// Timeout is what was left of the caller's deadline when it sent the call;
	// 0 when the caller set none.
	Timeout time.Duration
}

// Handler answers one call. It must not keep the message. The context ends with
// the caller's deadline and when a drain turns hard.
type Handler func(ctx context.Context, m *Message) Reply

// Endpoint is a function that a worker serves: at most Concurrency handlers run
// at once, and at most Prefetch calls wait in the worker.
type Endpoint struct {
	Function    string
	Concurrency int
	Prefetch    int
	Handle      Handler
}

// ServeOptions say what a worker serves and how it stops.
type ServeOptions struct {
	Endpoints []Endpoint
	// Introspect, when set, answers the questions that go to every service:
	// kind is "ping", "info" or "stats". nil means no answer.
	Introspect func(kind string) []byte
	// Alone, when set, is a name that one worker of the broker has at most. Another
	// one that wants it waits for a while, since the first may be gone without a word,
	// and then ends with [ErrAnother].
	Alone string
	// Ready is called once, when every endpoint is served for the first time.
	Ready func()
	// SoftDrain is how long handlers may go on after the stop before their
	// contexts end; HardDrain how long they are waited for after that.
	SoftDrain, HardDrain time.Duration
}

// Caller sends calls. The context must carry a deadline or is given the
// transport's default. An error is an [Error]: Unavailable at once if nobody
// serves the function or the connection broke, Deadline if no answer came.
type Caller interface {
	Call(ctx context.Context, r Request) (Reply, error)
}

// Publisher puts messages on a queue that survives its readers; it returns when
// the broker has taken all of them.
type Publisher interface {
	Publish(ctx context.Context, queue string, bodies ...[]byte) error
}

// Transport joins callers and workers over a broker. Serve blocks until ctx
// ends and the drain is over, reconnecting as often as it must; it returns an
// error only for what no reconnection mends.
type Transport interface {
	Caller
	Publisher
	Serve(ctx context.Context, o ServeOptions) error
	// Subscribe hands each message of a queue to fn and acknowledges it when fn
	// returns nil; it blocks until ctx ends.
	Subscribe(ctx context.Context, queue string, fn func(body []byte) error) error
	// SubscribeBatch is Subscribe with as many messages at once as have come, in
	// their order; fn must not keep the slice. A batch that fn refuses comes again.
	SubscribeBatch(ctx context.Context, queue string, fn func(bodies [][]byte) error) error
	// Ask sends a question to every service of the broker and gathers the
	// answers that come within the time.
	Ask(ctx context.Context, kind string, wait time.Duration) ([][]byte, error)
}
