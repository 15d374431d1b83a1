package api

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/audit"
	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/services/cloud-gateway/forward"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

// Transport is what the API needs of the cloud broker; that of pkg/amqpx has it.
type Transport interface {
	forward.Transport
	// Ask puts a question to every service of the broker.
	Ask(ctx context.Context, kind string, wait time.Duration) ([][]byte, error)
	// SubscribeBatch hands the messages of a queue to fn, many at once, and
	// acknowledges them when fn returns nil; it blocks until ctx ends.
	SubscribeBatch(ctx context.Context, queue string, fn func(bodies [][]byte) error) error
}

// Options of an [API]. Transport, History and Schemas are required.
type Options struct {
	Transport Transport
	// Forward makes the calls; nil makes one over Transport.
	Forward *forward.Forwarder
	History *history.Store
	Schemas *contract.Schemas
	// Guard tells who makes a request and what they may; nil: the cloud is open.
	Guard *guard.Guard
	// Key is the cloud's, for tickets to the file service; zero: the cloud is open.
	Key rpc.Key
	// Audit takes who did what of that which the gateway does itself; nil: nobody asks.
	Audit *audit.Log
	// FilesURL tells where the file service is, such as http://localhost:5000; it
	// is asked at each transfer. nil: there is none.
	FilesURL func() string
	// FilesTLS is for a FilesURL that is https; nil: the system's authorities.
	FilesTLS *tls.Config
	// MaxFileBytes bounds an uploaded file; 512 MiB if zero.
	MaxFileBytes int64
	// Timeout bounds a request that is neither a stream nor a file; 10 s if zero.
	Timeout    time.Duration
	Version    string
	HideErrors bool // the texts of failures with status 500
	// Busy tells whether the gateway has as many calls under way as it should; nil:
	// it never has.
	Busy   func() bool
	Logger *slog.Logger // nil: silent
	// Now is the time; time.Now if nil.
	Now func() time.Time
}

// API answers /api/v1. It is safe for concurrent use.
type API struct {
	opt      Options
	log      *slog.Logger
	forward  *forward.Forwarder
	history  *history.Store
	files    *http.Client
	requests chan struct{} // one token a request under way that is no stream
	streams  chan struct{} // one a stream or a file's transfer
	lobby    chan struct{} // one a request of a closed cloud's route that is open to anyone
	linked   chan struct{} // one a downlink
	large    *httpx.Large
	links    *links
	detached detached
	keys     running // idempotency keys whose request is under way
	asked    askedServices
	revoked  revokedEnd
	beside   sync.WaitGroup // questions that no request waits for
	mux      *http.ServeMux
}

const (
	// maxRequests bounds the requests under way at once.
	maxRequests = 1024
	// maxStreams bounds the live streams and transfers of files at once.
	maxStreams = 256
	// maxLobby bounds those of a closed cloud that need no credentials, so that slow
	// ones take nothing from who has shown some.
	maxLobby = 128
	// maxLarge bounds the large bodies that are held at once.
	maxLarge = 16
)

// New checks the options; it starts nothing. Close ends what requests left open.
func New(opt Options) (*API, error) {
	if opt.Transport == nil || opt.History == nil || opt.Schemas == nil {
		return nil, errors.New("api: a transport, a history and schemas are required")
	}
	opt.Timeout = cmp.Or(opt.Timeout, 10*time.Second)
	opt.MaxFileBytes = cmp.Or(opt.MaxFileBytes, 512<<20)
	if opt.Forward == nil {
		opt.Forward = forward.New(opt.Transport, opt.Timeout)
	}
	if opt.FilesURL == nil {
		opt.FilesURL = func() string { return "" }
	}
	if opt.Busy == nil {
		opt.Busy = func() bool { return false }
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	a := &API{
		opt: opt, log: opt.Logger, forward: opt.Forward, history: opt.History, files: fileClient(opt.FilesTLS),
		requests: make(chan struct{}, maxRequests), streams: make(chan struct{}, maxStreams), lobby: make(chan struct{}, maxLobby),
		linked: make(chan struct{}, maxLinks), large: httpx.NewLarge(maxLarge), links: newLinks(),
		keys: running{byKey: map[string]string{}},
	}
	a.mux = a.newMux()
	return a, nil
}

// Close waits for what goes on beside the requests, of which none may be under
// way, and ends idle connections to the file service.
func (a *API) Close() {
	a.detached.hurry()
	a.beside.Wait()
	a.files.CloseIdleConnections()
}

// now is the time in unix seconds.
func (a *API) now() float64 { return float64(a.opt.Now().UnixNano()) / 1e9 }

// call calls a function of the cloud.
func call[Req, Resp any](ctx context.Context, a *API, fn contract.Function[Req, Resp], req Req) (Resp, error) {
	resp, err := forward.Call(ctx, a.forward, fn, req)
	if err != nil {
		err = serverFault(fn.Name, err)
	}
	return resp, err
}

// take takes a token, if one is left, and says how to give it back.
func take(tokens chan struct{}) (give func(), ok bool) {
	select {
	case tokens <- struct{}{}:
		return sync.OnceFunc(func() { <-tokens }), true
	default:
		return nil, false
	}
}
