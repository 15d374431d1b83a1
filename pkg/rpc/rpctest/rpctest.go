// Package rpctest is the conformance suite of transports: what callers,
// workers and publishers may rely on, whichever broker stands between them.
package rpctest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/pkg/rpc"
)

// Broker is what the suite needs of a broker and its transport.
type Broker struct {
	// Connect returns a running transport that ends with the test.
	Connect func(t *testing.T) rpc.Transport
	// Drop ends every connection to the broker, as an operator or a fault would.
	Drop func(t *testing.T)
}

const patience = 20 * time.Second

// Run runs the suite.
func Run(t *testing.T, b Broker) {
	for name, test := range map[string]func(*testing.T, Broker){
		"answers":                       answers,
		"concurrent calls keep apart":   concurrent,
		"nobody serves":                 nobody,
		"deadline":                      deadline,
		"caller's time reaches handler": timeout,
		"code travels beside the body":  code,
		"concurrency is bounded":        bounded,
		"drain finishes what began":     drain,
		"drain turns hard":              drainHard,
		"restart loses no call":         restart,
		"drop during a call":            dropCall,
		"publish and subscribe":         publish,
		"subscriber gets again":         redeliver,
		"batches keep the order":        batches,
		"a refused batch comes again":   refusedBatch,
		"ask every service":             ask,
	} {
		t.Run(name, func(t *testing.T) { test(t, b) })
	}
}

// unique names a function of this run alone: queues outlive a test.
func unique(name string) string { return "rpctest." + name + "." + uuid.NewString() }

func context20(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// serve runs a worker until stop is called, and returns when it is ready.
func serve(t *testing.T, tr rpc.Transport, o rpc.ServeOptions) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	o.Ready = func() { close(ready) }
	go func() { done <- tr.Serve(ctx, o) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := stop(); err != nil && !t.Failed() {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("serve ended before it was ready: %v", err)
	case <-time.After(patience):
		t.Fatal("the worker did not become ready")
	}
	return stop
}

func one(fn string, h rpc.Handler) rpc.ServeOptions {
	return rpc.ServeOptions{Endpoints: []rpc.Endpoint{{Function: fn, Concurrency: 8, Prefetch: 16, Handle: h}}}
}

func echo(_ context.Context, m *rpc.Message) rpc.Reply { return rpc.Reply{Body: m.Body} }

func answers(t *testing.T, b Broker) {
	ctx, tr, fn := context20(t), b.Connect(t), unique("echo")
	serve(t, tr, one(fn, func(_ context.Context, m *rpc.Message) rpc.Reply {
		if m.Function != fn || m.MessageID != "m1" || m.Trace != "00-aa-bb-01" || m.Redelivered {
			t.Errorf("the handler got %+v", m)
		}
		return rpc.Reply{Body: m.Body}
	}))
	r, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte(`{"a":1}`), MessageID: "m1", Trace: "00-aa-bb-01"})
	if err != nil || string(r.Body) != `{"a":1}` || r.Code != "" {
		t.Errorf("got %+v, %v", r, err)
	}
}

func concurrent(t *testing.T, b Broker) {
	ctx, tr, fn := context20(t), b.Connect(t), unique("many")
	serve(t, tr, one(fn, echo))
	var wg sync.WaitGroup
	for c := range 32 {
		wg.Go(func() {
			for i := range 20 {
				body := fmt.Sprintf(`{"c":%d,"i":%d}`, c, i)
				if r, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte(body)}); err != nil || string(r.Body) != body {
					t.Errorf("sent %s, got %s, %v", body, r.Body, err)
				}
			}
		})
	}
	wg.Wait()
}

func nobody(t *testing.T, b Broker) {
	ctx, tr, fn := context20(t), b.Connect(t), unique("nobody")
	started := time.Now()
	_, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("{}")})
	if rpc.CodeOf(err) != rpc.Unavailable || !errors.Is(err, rpc.ErrNobody) || !strings.Contains(err.Error(), fn) {
		t.Errorf("got %v, want unavailable with the function's name", err)
	}
	if took := time.Since(started); took > patience/2 {
		t.Errorf("it took %s to find out that nobody serves", took)
	}
}

func deadline(t *testing.T, b Broker) {
	tr, fn := b.Connect(t), unique("slow")
	serve(t, tr, one(fn, func(ctx context.Context, _ *rpc.Message) rpc.Reply {
		<-ctx.Done()
		time.Sleep(300 * time.Millisecond) // so that the answer is late for sure
		return rpc.Reply{Body: []byte("late")}
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("{}")}); rpc.CodeOf(err) != rpc.Deadline {
		t.Errorf("got %v, want deadline", err)
	}
}

func timeout(t *testing.T, b Broker) {
	tr, fn := b.Connect(t), unique("left")
	got := make(chan time.Duration, 2)
	serve(t, tr, one(fn, func(ctx context.Context, m *rpc.Message) rpc.Reply {
		d, ok := ctx.Deadline()
		if !ok {
			t.Error("the handler's context has no deadline")
		}
		got <- m.Timeout
		got <- time.Until(d)
		return rpc.Reply{Body: []byte("{}")}
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
	defer cancel()
	if _, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if d := <-got; d <= 0 || d > 7*time.Second {
			t.Errorf("the handler was left %s of 7 s", d)
		}
	}
}

func code(t *testing.T, b Broker) {
	ctx, tr, fn := context20(t), b.Connect(t), unique("code")
	serve(t, tr, one(fn, func(context.Context, *rpc.Message) rpc.Reply {
		return rpc.Reply{Body: rpc.EncodeException(rpc.Conflict, "taken"), Code: string(rpc.Conflict)}
	}))
	r, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.Decode(r); rpc.CodeOf(err) != rpc.Conflict || err.Error() != "taken" {
		t.Errorf("got %v (%s)", err, rpc.CodeOf(err))
	}
}

func bounded(t *testing.T, b Broker) {
	ctx, tr, fn := context20(t), b.Connect(t), unique("bounded")
	var now, most atomic.Int32
	o := one(fn, func(context.Context, *rpc.Message) rpc.Reply {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(5 * time.Millisecond)
		return rpc.Reply{Body: []byte("{}")}
	})
	o.Endpoints[0].Concurrency = 3
	serve(t, tr, o)
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			if _, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("{}")}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if m := most.Load(); m < 2 || m > 3 {
		t.Errorf("%d handlers ran at once, want 2 or 3", m)
	}
}

// blocking serves a function whose executions wait for release or their end.
func blocking(t *testing.T, tr rpc.Transport, fn string, soft time.Duration) (stop func() error, began chan struct{}, release chan struct{}, ended chan error) {
	began, release, ended = make(chan struct{}, 16), make(chan struct{}), make(chan error, 16)
	o := one(fn, func(ctx context.Context, m *rpc.Message) rpc.Reply {
		began <- struct{}{}
		select {
		case <-release:
			ended <- nil
		case <-ctx.Done():
			ended <- context.Cause(ctx)
		}
		return rpc.Reply{Body: m.Body}
	})
	o.Endpoints[0].Concurrency, o.Endpoints[0].Prefetch = 1, 4
	o.SoftDrain, o.HardDrain = soft, 5*time.Second
	return serve(t, tr, o), began, release, ended
}

func drain(t *testing.T, b Broker) {
	ctx, tr, fn := context20(t), b.Connect(t), unique("drain")
	stop, began, release, _ := blocking(t, b.Connect(t), fn, 10*time.Second)
	type result struct {
		body string
		err  error
	}
	first, second := make(chan result, 1), make(chan result, 1)
	call := func(body string, to chan result) {
		r, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte(body)})
		to <- result{string(r.Body), err}
	}
	go call(`"first"`, first)
	<-began
	go call(`"second"`, second) // waits in the worker, behind the first
	time.Sleep(100 * time.Millisecond)
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	time.Sleep(100 * time.Millisecond)
	close(release)
	if r := <-first; r.err != nil || r.body != `"first"` {
		t.Errorf("the call under way got %+v", r)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	// The call that had not begun was given back: another worker takes it.
	serve(t, b.Connect(t), one(fn, echo))
	if r := <-second; r.err != nil || r.body != `"second"` {
		t.Errorf("the call that waited got %+v", r)
	}
}

func drainHard(t *testing.T, b Broker) {
	ctx, tr, fn := context20(t), b.Connect(t), unique("hard")
	stop, began, _, ended := blocking(t, b.Connect(t), fn, 50*time.Millisecond)
	done := make(chan error, 1)
	go func() {
		_, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("{}")})
		done <- err
	}()
	<-began
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the handler was not told to end")
	}
	if err := <-done; err != nil {
		t.Errorf("the answer of the ended handler was lost: %v", err)
	}
}

func restart(t *testing.T, b Broker) {
	ctx, tr, fn := context20(t), b.Connect(t), unique("restart")
	stop := serve(t, b.Connect(t), one(fn, echo))
	if _, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { // called while nobody is there: the queue keeps it
		_, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("2")})
		done <- err
	}()
	time.Sleep(200 * time.Millisecond)
	serve(t, b.Connect(t), one(fn, echo))
	if err := <-done; err != nil {
		t.Errorf("the call made between two workers: %v", err)
	}
}

func dropCall(t *testing.T, b Broker) {
	ctx, tr, fn := context20(t), b.Connect(t), unique("drop")
	_, began, release, _ := blocking(t, b.Connect(t), fn, time.Second)
	done := make(chan error, 1)
	go func() {
		_, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("{}")})
		done <- err
	}()
	<-began
	b.Drop(t)
	dropped := time.Now()
	select {
	case err := <-done:
		le, ok := errors.AsType[*rpc.LostError](err)
		if rpc.CodeOf(err) != rpc.Unavailable || !ok || !le.Sent {
			t.Errorf("got %v, want unavailable because the connection ended, outcome unknown", err)
		}
	case <-time.After(patience / 2):
		t.Fatal("the call hung although its connection had ended")
	}
	close(release)
	// Both sides come back by themselves.
	for {
		if _, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("{}")}); err == nil {
			break
		} else if ctx.Err() != nil {
			t.Fatalf("no call succeeded after the drop: %v", err)
		}
	}
	t.Logf("first good call %s after the drop", time.Since(dropped))
}

func publish(t *testing.T, b Broker) {
	ctx, tr, queue := context20(t), b.Connect(t), unique("events")
	const n = 600 // more than one batch
	bodies := make([][]byte, n)
	for i := range bodies {
		bodies[i], _ = json.Marshal(i)
	}
	if err := tr.Publish(ctx, queue, bodies...); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, n)
	subCtx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- b.Connect(t).Subscribe(subCtx, queue, func(body []byte) error { got <- string(body); return nil })
	}()
	for i := range n {
		select {
		case s := <-got:
			if s != string(bodies[i]) {
				t.Fatalf("message %d is %s", i, s)
			}
		case <-ctx.Done():
			t.Fatalf("only %d of %d messages came", i, n)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("subscribe: %v", err)
	}
}

func redeliver(t *testing.T, b Broker) {
	ctx, tr, queue := context20(t), b.Connect(t), unique("again")
	if err := tr.Publish(ctx, queue, []byte("x")); err != nil {
		t.Fatal(err)
	}
	subCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	tries := 0
	err := tr.Subscribe(subCtx, queue, func([]byte) error {
		if tries++; tries == 1 {
			return errors.New("not now")
		}
		cancel()
		return nil
	})
	if err != nil || tries != 2 {
		t.Errorf("got the message %d times, %v; want 2", tries, err)
	}
}

func ask(t *testing.T, b Broker) {
	ctx, tr := context20(t), b.Connect(t)
	mark := uuid.NewString()
	for i := range 2 {
		o := one(unique("asked"), echo)
		o.Introspect = func(kind string) []byte { return fmt.Appendf(nil, "%s %s %d", mark, kind, i) }
		serve(t, b.Connect(t), o)
	}
	found, err := tr.Ask(ctx, "ping", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range found {
		seen[string(f)] = true
	}
	if !seen[mark+" ping 0"] || !seen[mark+" ping 1"] {
		t.Errorf("the answers are %q", found)
	}
}
