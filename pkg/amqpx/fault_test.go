package amqpx_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// serveEcho serves a function until the test ends.
func serveEcho(t *testing.T, tr *amqpx.Transport, fn string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- tr.Serve(ctx, rpc.ServeOptions{
			Endpoints: []rpc.Endpoint{{Function: fn, Handle: func(_ context.Context, m *rpc.Message) rpc.Reply { return rpc.Reply{Body: m.Body} }}},
			Ready:     func() { close(ready) },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	<-ready
}

// call calls and tells how long that took.
func call(t *testing.T, tr *amqpx.Transport, fn string) (time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	started := time.Now()
	_, err := tr.Call(ctx, rpc.Request{Function: fn, Body: []byte("{}")})
	return time.Since(started), err
}

func TestARefusedConfirmFailsTheCall(t *testing.T) {
	faults := &amqpd.Faults{}
	s := embedded(t, faults)
	tr := connect(t, s.URL(), false)
	faults.NackPublishes(func(p amqpd.Publish) bool { return p.Key == "f" })
	serveEcho(t, connect(t, s.URL(), false), "f")
	took, err := call(t, tr, "f")
	if rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), "refused") || took > 5*time.Second {
		t.Errorf("got %v after %s, want the broker's refusal at once", err, took)
	}
}

func TestALateConfirmDoesNotDelayTheAnswer(t *testing.T) {
	faults := &amqpd.Faults{}
	s := embedded(t, faults)
	tr := connect(t, s.URL(), false)
	serveEcho(t, connect(t, s.URL(), false), "f")
	faults.DelayConfirms(3 * time.Second)
	if took, err := call(t, tr, "f"); err != nil || took > 2*time.Second {
		t.Errorf("got %v after %s", err, took)
	}
}

func TestAReturnedCallFailsAtOnce(t *testing.T) {
	faults := &amqpd.Faults{}
	s := embedded(t, faults)
	tr := connect(t, s.URL(), false)
	serveEcho(t, connect(t, s.URL(), false), "f")
	faults.ReturnPublishes(func(p amqpd.Publish) bool { return p.Key == "f" })
	if took, err := call(t, tr, "f"); rpc.CodeOf(err) != rpc.Unavailable || took > 5*time.Second {
		t.Errorf("got %v after %s", err, took)
	}
}

func TestABlockedBrokerIsSaidAtOnce(t *testing.T) {
	faults := &amqpd.Faults{}
	s := embedded(t, faults)
	tr := connect(t, s.URL(), false)
	serveEcho(t, connect(t, s.URL(), false), "f")
	if _, err := call(t, tr, "f"); err != nil {
		t.Fatal(err)
	}
	faults.Block("memory")
	testenv.Eventually(t, 10*time.Second, "calls fail because of the alarm", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := tr.Call(ctx, rpc.Request{Function: "f", Body: []byte("{}")})
		return err != nil && strings.Contains(err.Error(), "alarm")
	})
	if err := tr.Publish(t.Context(), "events", []byte("{}")); err == nil || !strings.Contains(err.Error(), "alarm") {
		t.Errorf("publish: %v", err)
	}
	faults.Unblock()
	testenv.Eventually(t, 10*time.Second, "calls succeed again", func() bool {
		_, err := call(t, tr, "f")
		return err == nil
	})
}

func TestAQueueDeclaredDifferentlyNamesTheSetting(t *testing.T) {
	s := embedded(t, nil)
	serveEcho(t, connect(t, s.URL(), true), "f") // as a Python peer would
	tr := connect(t, s.URL(), false)
	err := tr.Serve(t.Context(), rpc.ServeOptions{Endpoints: []rpc.Endpoint{{Function: "f"}}})
	if err == nil || !strings.Contains(err.Error(), "compat=true") {
		t.Errorf("got %v, want an error that names compat=true", err)
	}
}

// Services with and without compat share the queue of records, which no peer of
// another kind declares.
func TestTheQueueOfRecordsIsTheSameWithCompat(t *testing.T) {
	s := embedded(t, nil)
	for i, compat := range []bool{false, true} {
		if err := connect(t, s.URL(), compat).Publish(t.Context(), contract.RecordsQueue, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got []byte
	err := connect(t, s.URL(), true).SubscribeBatch(ctx, contract.RecordsQueue, func(bodies [][]byte) error {
		if got = append(got, bytes.Join(bodies, nil)...); len(got) == 2 {
			cancel()
		}
		return nil
	})
	if err != nil || string(got) != "01" {
		t.Errorf("got %q, %v", got, err)
	}
}
