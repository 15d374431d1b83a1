package baseservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// bench is a broker with a transport that calls go through.
type bench struct {
	broker    *amqpd.Server
	transport *amqpx.Transport
	schemas   *contract.Schemas
}

// run runs something until the test ends.
func run(t testing.TB, what string, fn func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func setup(t testing.TB) *bench {
	t.Helper()
	broker, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	run(t, "broker", broker.Run)
	schemas, err := contract.CompileSchemas()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{broker: broker, schemas: schemas}
	b.transport = b.connect(t)
	return b
}

func (b *bench) connect(t testing.TB) *amqpx.Transport {
	t.Helper()
	var port int
	if _, err := fmt.Sscanf(b.broker.Addr().String(), "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	tr, err := amqpx.New(amqpx.Options{Host: "127.0.0.1", Port: port})
	if err != nil {
		t.Fatal(err)
	}
	run(t, "transport", tr.Run)
	return tr
}

func (b *bench) service(t testing.TB, opt baseservice.Options, register func(*baseservice.Service)) (stop func()) {
	t.Helper()
	opt.Name, opt.Transport, opt.Schemas = "echo", b.connect(t), b.schemas
	s, err := baseservice.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	register(s)
	stop = run(t, "service", s.Run)
	select {
	case <-s.Started():
	case <-time.After(10 * time.Second):
		t.Fatal("the service did not start")
	}
	return stop
}

// wire calls with a raw body and returns the raw reply.
func (b *bench) wire(t testing.TB, fn, body string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := b.transport.Call(ctx, rpc.Request{Function: fn, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Body)
}

func getTask(t *testing.T, h func(context.Context, contract.TaskIDRequest) (contract.Task, error), opts ...baseservice.HandleOption) func(*baseservice.Service) {
	return func(s *baseservice.Service) { baseservice.Handle(s, contract.GetTask, h, opts...) }
}

func TestRepliesAreTheWires(t *testing.T) {
	b := setup(t)
	b.service(t, baseservice.Options{}, getTask(t, func(_ context.Context, req contract.TaskIDRequest) (contract.Task, error) {
		switch req.TaskID {
		case "absent":
			return contract.Task{}, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(req.TaskID))
		case "plain":
			return contract.Task{}, errors.New("the disk is full")
		case "panic":
			panic("boom")
		case "invalid":
			return contract.Task{}, rpc.Errorf(rpc.Invalid, "task_id: no such thing")
		}
		return contract.Task{ID: req.TaskID, Tags: []string{}, FilesPaths: []string{}}, nil
	}))
	const fn = "rpc_exec_get_task_by_id"
	for _, tc := range []struct{ name, body, want string }{
		{"unknown", `{"task_id":"absent"}`, `{"status_code":500,"exception":"Task with ID=absent not registered"}`},
		{"plain error", `{"task_id":"plain"}`, `{"status_code":500,"exception":"the disk is full"}`},
		{"panic", `{"task_id":"panic"}`, `{"status_code":500,"exception":"` + fn + ` failed by a defect of the service; its log has the details"}`},
		{"invalid by the handler", `{"task_id":"invalid"}`, `{"status_code":400,"exception":"` + fn + ` cannot be executed due to invalid arguments: task_id: no such thing"}`},
		{"wrong type", `{"task_id":1}`, `{"status_code":400,"exception":"` + fn + ` cannot be executed due to invalid arguments: task_id: got number, want string"}`},
		{"not an object", `[]`, `{"status_code":400,"exception":"` + fn + ` cannot be executed due to invalid arguments: the body is not a JSON object"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := b.wire(t, fn, tc.body); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	for name, body := range map[string]string{"not JSON": `{`, "unknown argument": `{"task_id":"a","x":1}`, "huge": `{"task_id":"` + strings.Repeat("a", baseservice.MaxBody) + `"}`} {
		if got := b.wire(t, fn, body); !strings.HasPrefix(got, `{"status_code":400,"exception":"`+fn+` cannot be executed due to invalid arguments: `) {
			t.Errorf("%s: got %.200s", name, got)
		}
	}
	if got := b.wire(t, fn, `{"task_id":"a"}`); !strings.HasPrefix(got, `{"status_code":200,"return":{`) {
		t.Errorf("after all that the good call got %s", got)
	}
}

func TestCodesReachTheCaller(t *testing.T) {
	b := setup(t)
	b.service(t, baseservice.Options{}, getTask(t, func(context.Context, contract.TaskIDRequest) (contract.Task, error) {
		return contract.Task{}, rpc.Text(rpc.NotFound, "gone")
	}))
	_, err := rpc.Call(t.Context(), b.transport, contract.GetTask, contract.TaskIDRequest{TaskID: "a"})
	if rpc.CodeOf(err) != rpc.NotFound || err.Error() != "gone" {
		t.Errorf("got %v (%s)", err, rpc.CodeOf(err))
	}
}

func TestHiddenErrors(t *testing.T) {
	b := setup(t)
	b.service(t, baseservice.Options{HideErrors: true}, getTask(t, func(context.Context, contract.TaskIDRequest) (contract.Task, error) {
		return contract.Task{}, errors.New("/secret/path is missing")
	}))
	if got := b.wire(t, contract.GetTask.Name, `{"task_id":"a"}`); got != `{"status_code":500,"exception":"Internal error"}` {
		t.Errorf("got %s", got)
	}
}

func TestTypeChoosesTheFunction(t *testing.T) {
	b := setup(t)
	b.service(t, baseservice.Options{}, getTask(t, func(context.Context, contract.TaskIDRequest) (contract.Task, error) {
		return contract.Task{}, nil
	}))
	// A peer may put a call with another type on a queue; amqp091-go is the way.
	got := rawCall(t, b.broker.URL(), contract.GetTask.Name, "rpc_exec_nonsense", `{}`)
	if got != `{"status_code":500,"exception":"rpc_exec_nonsense is an invalid RPC function"}` {
		t.Errorf("got %s", got)
	}
}

func TestTimeoutEndsTheHandler(t *testing.T) {
	b := setup(t)
	b.service(t, baseservice.Options{}, getTask(t, func(ctx context.Context, _ contract.TaskIDRequest) (contract.Task, error) {
		<-ctx.Done()
		return contract.Task{}, ctx.Err()
	}, baseservice.Timeout(50*time.Millisecond)))
	_, err := rpc.Call(t.Context(), b.transport, contract.GetTask, contract.TaskIDRequest{TaskID: "a"})
	if rpc.CodeOf(err) != rpc.Deadline {
		t.Errorf("got %v (%s), want deadline", err, rpc.CodeOf(err))
	}
}

func TestIntrospection(t *testing.T) {
	b := setup(t)
	b.service(t, baseservice.Options{Version: "v1"}, getTask(t, func(context.Context, contract.TaskIDRequest) (contract.Task, error) {
		return contract.Task{}, errors.New("no luck")
	}, baseservice.Concurrency(3)))
	b.wire(t, contract.GetTask.Name, `{"task_id":"a"}`)
	for _, kind := range []string{"ping", "info", "stats"} {
		found, err := b.transport.Ask(t.Context(), kind, 300*time.Millisecond)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %d answers, %v", kind, len(found), err)
		}
		var info baseservice.Info
		if err := json.Unmarshal(found[0], &info); err != nil {
			t.Fatal(err)
		}
		if info.Name != "echo" || info.Version != "v1" || info.ID == "" {
			t.Errorf("%s: got %+v", kind, info)
		}
		switch {
		case kind == "ping" && len(info.Functions) != 0:
			t.Errorf("ping tells of functions: %+v", info)
		case kind != "ping" && (len(info.Functions) != 1 || info.Functions[0].Concurrency != 3):
			t.Errorf("%s: got %+v", kind, info.Functions)
		case kind == "stats" && (info.Functions[0].Requests != 1 || info.Functions[0].Errors != 1 || info.Functions[0].LastError != "no luck"):
			t.Errorf("stats: got %+v", info.Functions[0])
		}
	}
	if found, err := b.transport.Ask(t.Context(), "nonsense", 100*time.Millisecond); err != nil || len(found) != 0 {
		t.Errorf("an unknown question got %d answers, %v", len(found), err)
	}
}

func TestMetrics(t *testing.T) {
	b := setup(t)
	reg := prometheus.NewRegistry()
	b.service(t, baseservice.Options{Registerer: reg}, getTask(t, func(context.Context, contract.TaskIDRequest) (contract.Task, error) {
		return contract.Task{}, nil
	}))
	b.wire(t, contract.GetTask.Name, `{"task_id":"a"}`)
	b.wire(t, contract.GetTask.Name, `{}`)
	want := `
# HELP agata_rpc_server_requests_total Calls by function and outcome.
# TYPE agata_rpc_server_requests_total counter
agata_rpc_server_requests_total{code="invalid",fn="rpc_exec_get_task_by_id",service="echo"} 1
agata_rpc_server_requests_total{code="ok",fn="rpc_exec_get_task_by_id",service="echo"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "agata_rpc_server_requests_total"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

func TestEventsReachTheQueueInOrder(t *testing.T) {
	b := setup(t)
	stop := b.service(t, baseservice.Options{Events: true, EventName: "svc"}, func(s *baseservice.Service) {
		baseservice.Handle(s, contract.GetTask, func(context.Context, contract.TaskIDRequest) (contract.Task, error) {
			s.Event(t.Context(), contract.About{}, "f", "Started x")
			s.Event(t.Context(), contract.About{}, "f", "Finished x")
			return contract.Task{}, nil
		})
	})
	b.wire(t, contract.GetTask.Name, `{"task_id":"a"}`)
	stop()
	var got []string
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	last := 0.0
	err := b.transport.Subscribe(ctx, contract.EventsQueue, func(body []byte) error {
		var e contract.Event
		if err := json.Unmarshal(body, &e); err != nil {
			return err
		}
		if e.Service != "svc" || e.Time < last {
			t.Errorf("got %s after time %f", body, last)
		}
		last = e.Time
		if got = append(got, e.Function+"/"+e.Event); e.Event == "Interrupted" {
			cancel()
		}
		return nil
	})
	if want := "main/Started f/Started x f/Finished x main/Interrupted"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %v, %v, want %s", got, err, want)
	}
}

func TestNewRefusesBadOptions(t *testing.T) {
	b := setup(t)
	for _, o := range []baseservice.Options{{}, {Name: "Upper", Transport: b.transport, Schemas: b.schemas}, {Name: "a", Schemas: b.schemas}} {
		if _, err := baseservice.New(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestHandlePanicsOnAMistake(t *testing.T) {
	b := setup(t)
	s, err := baseservice.New(baseservice.Options{Name: "a", Transport: b.transport, Schemas: b.schemas})
	if err != nil {
		t.Fatal(err)
	}
	h := func(context.Context, contract.None) (contract.None, error) { return contract.None{}, nil }
	panics := func(f func()) (p bool) {
		defer func() { p = recover() != nil }()
		f()
		return false
	}
	if !panics(func() { baseservice.Handle(s, contract.Function[contract.None, contract.None]{Name: "no_schema"}, h) }) {
		t.Error("a function without a schema was registered")
	}
	baseservice.Handle(s, contract.ClientStatus, func(context.Context, contract.None) (contract.ClientState, error) { return contract.ClientState{}, nil })
	if !panics(func() {
		baseservice.Handle(s, contract.ClientStatus, func(context.Context, contract.None) (contract.ClientState, error) { return contract.ClientState{}, nil })
	}) {
		t.Error("a function was registered twice")
	}
}
