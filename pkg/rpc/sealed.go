package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/contract"
)

// SealOptions of [Sealed]. Key is required.
type SealOptions struct {
	Key Key
	// Self makes the calls whose context has no identity.
	Self Identity
	// Peers admits the wire's eight functions without credentials.
	Peers  bool
	Logger *slog.Logger // nil: silent
	// Registerer takes the metrics; nil keeps them unregistered.
	Registerer prometheus.Registerer
}

// SealedTransport is a transport of a cloud that asks for credentials; see [Sealed].
type SealedTransport struct {
	Transport
	opt     SealOptions
	refused *prometheus.CounterVec
	calls   seldom
	records seldom
}

// Sealed puts seals on all that a transport carries between the cloud's services,
// and refuses what has none. A call says who makes it, which is the identity of
// its context, and the one who serves it finds that in the function's context; the
// identity must be one that [Identity.May] call the function, and a client may
// name itself alone (user_id). An answer that is not sealed for its call is passed
// over. Messages of the queue of records are sealed, and those that are not are
// dropped. Questions to every service (Ask) and the queue of events stay open.
//
// A seal says who, not what may be read: who can read the broker's queues reads
// what is on them.
func Sealed(t Transport, opt SealOptions) *SealedTransport {
	if opt.Key.IsZero() {
		panic("rpc: Sealed without a key")
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	s := &SealedTransport{Transport: t, opt: opt, refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "agata_rpc_refused_total",
		Help: "What was refused for want of credentials: calls and records by the reason's code, and answers that were not believed."}, []string{"what", "code"})}
	if opt.Registerer != nil {
		opt.Registerer.MustRegister(s.refused)
	}
	return s
}

// Ready waits until the transport below has a session with its broker, if it can
// tell.
func (s *SealedTransport) Ready(ctx context.Context) error {
	if t, ok := s.Transport.(interface{ Ready(context.Context) error }); ok {
		return t.Ready(ctx)
	}
	return nil
}

// Call implements [Caller].
func (s *SealedTransport) Call(ctx context.Context, r Request) (Reply, error) {
	if r.MessageID == "" {
		r.MessageID = uuid.NewString()
	}
	who := IdentityFrom(ctx)
	if who.Kind == Nobody {
		who = s.opt.Self
	}
	var err error
	if r.Seal, err = s.opt.Key.sealCall(r, who, time.Now()); err != nil {
		return Reply{}, Errorf(Invalid, "seal the call of %s: %w", r.Function, err)
	}
	var passedOver atomic.Int32
	r.Accept = func(reply Reply) bool {
		if s.opt.Key.believesReply(r.Function, r.MessageID, reply) {
			return true
		}
		passedOver.Add(1)
		s.refused.WithLabelValues("reply", string(Unauthorized)).Inc()
		return false
	}
	reply, err := s.Transport.Call(ctx, r)
	if n := passedOver.Load(); err != nil && n > 0 {
		err = Errorf(CodeOf(err), "%w; answers without this cloud's seal were passed over: %d (do all of its services have the same key, auth.key_file?)", err, n)
	}
	return reply, err
}

// Serve implements [Transport].
func (s *SealedTransport) Serve(ctx context.Context, o ServeOptions) error {
	o.Endpoints = slices.Clone(o.Endpoints)
	for i := range o.Endpoints {
		handle := o.Endpoints[i].Handle
		o.Endpoints[i].Handle = func(ctx context.Context, m *Message) Reply {
			// The handler may change its message.
			function, messageID := m.Function, m.MessageID
			var reply Reply
			if who, err := s.admit(m); err != nil {
				s.refused.WithLabelValues("call", string(err.Code)).Inc()
				s.calls.log(s.opt.Logger, "a call is refused", "fn", function, "caller", who.String(), "reason", err.Message)
				reply = Reply{Body: EncodeException(err.Code, err.Message), Code: string(err.Code)}
			} else {
				reply = handle(WithIdentity(ctx, who), m)
			}
			reply.Seal = s.opt.Key.sealReply(function, messageID, reply)
			return reply
		}
	}
	return s.Transport.Serve(ctx, o)
}

// admit tells who makes a call, and why it may not be made.
func (s *SealedTransport) admit(m *Message) (Identity, *Error) {
	if m.Seal == "" {
		if s.opt.Peers && contract.PeersMay(m.Function) {
			return Identity{}, nil
		}
		return Identity{}, Errorf(Unauthorized, "%s needs credentials: sign in and go by the gateway; auth.peers admits peers that have none to the functions of the wire", m.Function)
	}
	who, err := s.opt.Key.openCall(m, time.Now())
	if err != nil {
		return who, Errorf(Unauthorized, "the call of %s is not believed: %w", m.Function, err)
	}
	if !who.May(m.Function) {
		return who, Errorf(Forbidden, "%s may not call %s", who, m.Function)
	}
	if who.Kind == Client {
		// Read as the function reads it.
		var about struct {
			UserID string `json:"user_id"`
		}
		if err := json.Unmarshal(m.Body, &about); err != nil || about.UserID != who.Name {
			return who, Errorf(Forbidden, "%s may call %s for itself alone", who, m.Function)
		}
	}
	return who, nil
}

// Publish implements [Publisher].
func (s *SealedTransport) Publish(ctx context.Context, queue string, bodies ...[]byte) error {
	if queue != contract.RecordsQueue {
		return s.Transport.Publish(ctx, queue, bodies...)
	}
	sealed := make([][]byte, len(bodies))
	for i, body := range bodies {
		var err error
		if sealed[i], err = s.opt.Key.sealMessage(queue, body, s.opt.Self, time.Now()); err != nil {
			return Errorf(Internal, "seal a message of %s: %w", queue, err)
		}
	}
	return s.Transport.Publish(ctx, queue, sealed...)
}

// Subscribe implements [Transport].
func (s *SealedTransport) Subscribe(ctx context.Context, queue string, fn func(body []byte) error) error {
	if queue != contract.RecordsQueue {
		return s.Transport.Subscribe(ctx, queue, fn)
	}
	return s.Transport.Subscribe(ctx, queue, func(body []byte) error {
		opened := s.open(queue, [][]byte{body})
		if len(opened) == 0 {
			return nil
		}
		return fn(opened[0])
	})
}

// SubscribeBatch implements [Transport].
func (s *SealedTransport) SubscribeBatch(ctx context.Context, queue string, fn func(bodies [][]byte) error) error {
	if queue != contract.RecordsQueue {
		return s.Transport.SubscribeBatch(ctx, queue, fn)
	}
	return s.Transport.SubscribeBatch(ctx, queue, func(bodies [][]byte) error {
		opened := s.open(queue, bodies)
		if len(opened) == 0 {
			return nil
		}
		return fn(opened)
	})
}

// open returns the messages whose seal is good.
func (s *SealedTransport) open(queue string, bodies [][]byte) [][]byte {
	opened := make([][]byte, 0, len(bodies))
	for _, sealed := range bodies {
		body, err := s.opt.Key.openMessage(queue, sealed)
		if err != nil {
			s.refused.WithLabelValues("record", string(Unauthorized)).Inc()
			s.records.log(s.opt.Logger, "a message without the cloud's seal is dropped", "queue", queue, "reason", err.Error())
			continue
		}
		opened = append(opened, body)
	}
	return opened
}

// seldom writes a warning once a minute, so that nobody fills a log.
type seldom struct {
	mu     sync.Mutex
	next   time.Time
	silent int
}

func (s *seldom) log(log *slog.Logger, text string, args ...any) {
	s.mu.Lock()
	silent := s.silent
	if time.Now().Before(s.next) {
		s.silent++
		s.mu.Unlock()
		return
	}
	s.next, s.silent = time.Now().Add(time.Minute), 0
	s.mu.Unlock()
	log.Warn(text, append(args, "unlogged_before", fmt.Sprint(silent))...)
}
