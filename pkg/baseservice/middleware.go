package baseservice

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

// MaxBody bounds a request's body, in bytes.
const MaxBody = 1 << 20

// MaxReply bounds an answer's value, in bytes. Brokers refuse messages beyond
// 16 MiB by closing the channel, which would bring the call back for ever.
const MaxReply = 15 << 20

// recovered turns a panic into a failure of that one call.
func (s *Service) recovered(f *function) Middleware {
	return func(next Next) Next {
		return func(ctx context.Context, m *rpc.Message) (value json.RawMessage, err error) {
			defer func() {
				if p := recover(); p != nil {
					s.metrics.panics.WithLabelValues(f.name).Inc()
					s.log.Error("a function panicked", "fn", f.name, "panic", p, "stack", string(debug.Stack()))
					value, err = nil, rpc.Errorf(rpc.Internal, "%s failed by a defect of the service; its log has the details", f.name)
				}
			}()
			return next(ctx, m)
		}
	}
}

// measured counts calls and their time.
func (s *Service) measured(f *function) Middleware {
	inFlight := s.metrics.inFlight.WithLabelValues(f.name)
	duration := s.metrics.duration.WithLabelValues(f.name)
	return func(next Next) Next {
		return func(ctx context.Context, m *rpc.Message) (json.RawMessage, error) {
			inFlight.Inc()
			defer inFlight.Dec()
			started := time.Now()
			value, err := next(ctx, m)
			took := time.Since(started)
			duration.Observe(took.Seconds())
			s.metrics.requests.WithLabelValues(f.name, codeLabel(err)).Inc()
			f.stats.observe(took, err)
			return value, err
		}
	}
}

// logged writes a line for each failure, and for each call at debug level. A call
// without a trace begins one.
func (s *Service) logged(f *function) Middleware {
	return func(next Next) Next {
		return func(ctx context.Context, m *rpc.Message) (json.RawMessage, error) {
			started := time.Now()
			trace := m.Trace
			if trace == "" {
				trace = rpc.NewTrace()
			}
			value, err := next(rpc.WithTrace(ctx, trace), m)
			level := slog.LevelDebug
			switch rpc.CodeOf(err) {
			case "", rpc.NotFound, rpc.Conflict, rpc.Invalid:
			default:
				level = slog.LevelWarn
			}
			if s.log.Enabled(ctx, level) {
				s.log.Log(ctx, level, "call", "fn", f.name, "caller", rpc.IdentityFrom(ctx).String(), "message_id", m.MessageID, "took", time.Since(started), "redelivered", m.Redelivered, "err", err)
			}
			return value, err
		}
	}
}

// bounded ends an execution at the function's own time-out; the caller's
// deadline is in the context already. A call that waited past it is not begun.
func bounded(f *function) Middleware {
	return func(next Next) Next {
		return func(ctx context.Context, m *rpc.Message) (json.RawMessage, error) {
			ctx, cancel := context.WithTimeout(ctx, f.timeout)
			defer cancel()
			if err := ctx.Err(); err != nil {
				return nil, rpc.Errorf(rpc.Deadline, "the deadline of %s passed before it began: %w", f.name, err)
			}
			return next(ctx, m)
		}
	}
}

// checked refuses what is not an object that fits the function's schema.
func (s *Service) checked(f *function) Middleware {
	return func(next Next) Next {
		return func(ctx context.Context, m *rpc.Message) (json.RawMessage, error) {
			if len(m.Body) > MaxBody {
				return nil, rpc.Errorf(rpc.Invalid, "the body has %d bytes, more than the %d that are allowed", len(m.Body), MaxBody)
			}
			if f.unchecked {
				return next(ctx, m)
			}
			if err := s.opt.Schemas.Validate(f.name, m.Body); err != nil {
				return nil, rpc.Errorf(rpc.Invalid, "%w", err)
			}
			return next(ctx, m)
		}
	}
}
