package amqpx

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/pkg/rpc"
)

// Call implements [rpc.Caller].
func (t *Transport) Call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.opt.CallTimeout)
		defer cancel()
	}
	started := time.Now()
	reply, err := t.call(ctx, r)
	fn := r.Function
	if errors.Is(err, rpc.ErrNobody) {
		fn = "unknown" // anybody may invent names; a label must not
	}
	t.metrics.observeCall(fn, rpc.CodeOf(err), time.Since(started))
	return reply, err
}

func (t *Transport) call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	cs, err := t.caller.session(ctx)
	if err != nil {
		return rpc.Reply{}, err
	}
	if err := t.refuses(cs.s); err != nil {
		return rpc.Reply{}, err
	}
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline).Milliseconds()
	if left < 1 {
		return rpc.Reply{}, rpc.Errorf(rpc.Deadline, "the deadline of %s passed before it was sent", r.Function)
	}
	id := uuid.NewString()
	answer, err := cs.register(id, 1, r.Accept)
	if err != nil {
		if rpc.CodeOf(err) == rpc.Unavailable {
			return rpc.Reply{}, err
		}
		return rpc.Reply{}, lost(r.Function, false, err)
	}
	defer cs.forget(id)
	out := cs.sender()
	defer cs.leave(out)
	confirm, err := out.ch.PublishWithDeferredConfirm("", r.Function, true, false, amqp.Publishing{
		Headers:       headers(traceHeader, r.Trace, sealHeader, r.Seal),
		ContentType:   "application/json",
		CorrelationId: id,
		ReplyTo:       cs.replyTo,
		Expiration:    strconv.FormatInt(left, 10),
		MessageId:     r.MessageID,
		Type:          r.Function,
		Body:          r.Body,
	})
	if err != nil {
		return rpc.Reply{}, lost(r.Function, false, err)
	}
	confirmed, alarm := confirm.Done(), cs.s.alarm.on()
	for {
		select {
		case o := <-answer:
			if o.err == nil || rpc.CodeOf(o.err) == rpc.Unavailable {
				return o.reply, o.err
			}
			return rpc.Reply{}, lost(r.Function, true, o.err)
		case <-confirmed:
			// A session that ends resolves its confirms as refused, too; only a
			// refusal on a live one is the broker's word.
			confirmed = nil
			if !confirm.Acked() && !cs.ended() && !out.ch.IsClosed() {
				cs.refused(out)
				return rpc.Reply{}, rpc.Errorf(rpc.Unavailable, "the broker at %s refused the call of %s", t.nodes, r.Function)
			}
		case <-alarm:
			// Brokers tell who publishes: this call may be what led to the word, and
			// then waits in the connection until they read on.
			if alarm = nil; confirmed != nil {
				return rpc.Reply{}, rpc.Errorf(rpc.Unavailable,
					"the broker at %s takes no messages now (memory or disk alarm): whether %s takes effect when it does again is unknown", t.nodes, r.Function)
			}
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return rpc.Reply{}, rpc.Errorf(rpc.Deadline, "the call of %s was given up: %w", r.Function, ctx.Err())
			}
			return rpc.Reply{}, rpc.Errorf(rpc.Deadline, "no answer from %s within its deadline: %w", r.Function, ctx.Err())
		}
	}
}

// ended tells whether the session's end is known or its channel is closed.
func (cs *callSession) ended() bool {
	return cs.ch.IsClosed() || cs.s.conn.IsClosed()
}

func lost(fn string, sent bool, err error) error {
	le := &rpc.LostError{Function: fn, Sent: sent, Err: err}
	return &rpc.Error{Code: rpc.Unavailable, Message: le.Error(), Err: le}
}

// headers makes a table of names and values; empty values are left out.
func headers(pairs ...string) amqp.Table {
	var table amqp.Table
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		if table == nil {
			table = amqp.Table{}
		}
		table[pairs[i]] = pairs[i+1]
	}
	return table
}
