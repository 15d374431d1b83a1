package baseservice_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func key(t testing.TB, b byte) rpc.Key {
	t.Helper()
	k, err := rpc.NewKey(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// vault is a closed cloud: a broker with a service whose functions count their
// executions, and a way to it that remembers what went over it.
type vault struct {
	testing.TB
	broker   amqpx.Options
	plain    *amqpx.Transport // of who is on the broker, and has no key
	sealed   *rpc.SealedTransport
	tap      *tap
	registry *prometheus.Registry
	log      *lockedLog

	mu      sync.Mutex
	effects []string
}

// tap keeps the last request that went over a transport.
type tap struct {
	rpc.Transport
	last atomic.Pointer[rpc.Request]
}

func (t *tap) Call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	t.last.Store(&r)
	return t.Transport.Call(ctx, r)
}

type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newVault(t testing.TB, broker amqpx.Options, peers bool) *vault {
	t.Helper()
	v := &vault{TB: t, broker: broker, plain: brokertest.Connect(t, broker), registry: prometheus.NewRegistry(), log: &lockedLog{}}
	v.tap = &tap{Transport: brokertest.Connect(t, broker)}
	v.sealed = rpc.Sealed(v.tap, rpc.SealOptions{Key: key(t, 1), Self: rpc.Identity{Kind: rpc.Service, Name: "cloud-gateway"}})
	logger := slog.New(slog.NewTextHandler(v.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := baseservice.New(baseservice.Options{
		Name: "vault", Schemas: brokertest.Schemas(t), Logger: logger,
		Transport: rpc.Sealed(brokertest.Connect(t, broker), rpc.SealOptions{
			Key: key(t, 1), Self: rpc.Identity{Kind: rpc.Service, Name: "vault"}, Peers: peers, Logger: logger, Registerer: v.registry,
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	baseservice.Handle(s, contract.StartServerTask, func(ctx context.Context, r contract.StartTaskRequest) (contract.None, error) {
		v.took(ctx, r.TaskID)
		return contract.None{}, nil
	})
	baseservice.Handle(s, contract.GetUser, func(ctx context.Context, r contract.UserIDRequest) (contract.User, error) {
		v.took(ctx, r.UserID)
		return contract.User{ID: r.UserID, Sensors: []string{}}, nil
	})
	baseservice.Handle(s, contract.DeleteTask, func(ctx context.Context, r contract.TaskIDRequest) (contract.None, error) {
		v.took(ctx, r.TaskID)
		return contract.None{}, nil
	})
	brokertest.Run(t, "service", s.Run)
	brokertest.Wait(t, "the service", s.Started())
	return v
}

func (v *vault) took(ctx context.Context, what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.effects = append(v.effects, rpc.IdentityFrom(ctx).String()+" "+what)
}

// want asks for the effects since the last time.
func (v *vault) want(effects ...string) {
	v.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Equal(v.effects, effects) {
		v.Errorf("the effects are %q, want %q", v.effects, effects)
	}
	v.effects = nil
}

// call makes a call and asks for the code of its failure; "" for none.
func (v *vault) call(t rpc.Caller, who rpc.Identity, want rpc.Code, function, body string) {
	v.Helper()
	ctx, cancel := context.WithTimeout(rpc.WithIdentity(v.Context(), who), 20*time.Second)
	defer cancel()
	if _, err := rpc.CallRaw(ctx, t, rpc.Request{Function: function, Body: []byte(body)}, false); rpc.CodeOf(err) != want {
		v.Errorf("%s by %s: %v, want the code %q", function, who, err, want)
	}
}

// forge sends the last sealed request again, as somebody on the broker can, after
// a change.
func (v *vault) forge(change func(*rpc.Request), want rpc.Code) {
	v.Helper()
	r := *v.tap.last.Load()
	r.Accept = nil
	change(&r)
	ctx, cancel := context.WithTimeout(v.Context(), 20*time.Second)
	defer cancel()
	reply, err := v.plain.Call(ctx, r)
	if err == nil {
		_, err = rpc.Decode(reply)
	}
	if rpc.CodeOf(err) != want {
		v.Errorf("%v, want the code %q", err, want)
	}
}

const (
	start  = "rpc_exec_start_server_task"
	get    = "rpc_exec_get_user_info"
	remove = "rpc_exec_delete_task"
)

func TestWhoMayCall(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		v := newVault(t, broker, false)
		viewer := rpc.Identity{Kind: rpc.Operator, Name: "vic", Role: contract.RoleViewer}
		operator := rpc.Identity{Kind: rpc.Operator, Name: "ada", Role: contract.RoleOperator}
		client := rpc.Identity{Kind: rpc.Client, Name: "car-7"}
		v.call(v.sealed, rpc.Identity{}, "", start, `{"task_id":"a"}`)
		v.call(v.sealed, operator, "", start, `{"task_id":"b"}`)
		v.call(v.sealed, viewer, "", get, `{"user_id":"car-1"}`)
		v.call(v.sealed, client, "", get, `{"user_id":"car-7"}`)
		v.want("service cloud-gateway a", "operator ada b", "operator vic car-1", "client car-7 car-7")

		v.call(v.sealed, viewer, rpc.Forbidden, start, `{"task_id":"a"}`)
		v.call(v.sealed, client, rpc.Forbidden, start, `{"task_id":"a"}`)
		for _, body := range []string{`{"user_id":"car-8"}`, `{}`, `[]`, `{"user_id":"car-7","user_id":"car-8"}`, `{"user_id":"car-7","USER_ID":"car-8"}`, `{"user_id":7}`} {
			v.call(v.sealed, client, rpc.Forbidden, get, body)
		}
		// Nobody, and nobody's peer.
		v.call(v.plain, rpc.Identity{}, rpc.Unauthorized, start, `{"task_id":"a"}`)
		v.call(v.plain, operator, rpc.Unauthorized, get, `{"user_id":"a"}`)
		v.want()
		if log := v.log.String(); strings.Count(log, "a call is refused") != 1 || !strings.Contains(log, `caller="client car-7"`) {
			t.Errorf("the log is %s", log)
		}
		if err := testutil.GatherAndCompare(v.registry, strings.NewReader(`
# HELP agata_rpc_refused_total What was refused for want of credentials: calls and records by the reason's code, and answers that were not believed.
# TYPE agata_rpc_refused_total counter
agata_rpc_refused_total{code="forbidden",what="call"} 8
agata_rpc_refused_total{code="unauthorized",what="call"} 2
`), "agata_rpc_refused_total"); err != nil {
			t.Error(err)
		}
		// Questions to every service are open.
		if answers, err := v.plain.Ask(t.Context(), "ping", 2*time.Second); err != nil || len(answers) != 1 {
			t.Errorf("%d answers, %v", len(answers), err)
		}
	})
}

func TestForgedCalls(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		v := newVault(t, broker, true)
		v.call(v.sealed, rpc.Identity{}, "", start, `{"task_id":"a"}`)
		v.want("service cloud-gateway a")
		// Again, as it was: the first one's answer, and no effect.
		v.forge(func(*rpc.Request) {}, "")
		v.want()
		for name, change := range map[string]func(*rpc.Request){
			"altered":          func(r *rpc.Request) { r.Body = []byte(`{"task_id":"b"}`) },
			"renamed":          func(r *rpc.Request) { r.MessageID = "another" },
			"another function": func(r *rpc.Request) { r.Function = remove },
			"garbage":          func(r *rpc.Request) { r.Seal = "v1.x.y" },
			"another key": func(r *rpc.Request) {
				other := &tap{Transport: v.plain}
				s := rpc.Sealed(other, rpc.SealOptions{Key: key(t, 2), Self: rpc.Identity{Kind: rpc.Service, Name: "x"}})
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				// The refusal is not believed either: it is another cloud's.
				if _, err := s.Call(ctx, *r); rpc.CodeOf(err) != rpc.Deadline || !strings.Contains(err.Error(), "auth.key_file") {
					t.Errorf("a call to another cloud: %v", err)
				}
				r.Seal = other.last.Load().Seal
			},
		} {
			t.Run(name, func(t *testing.T) { v.forge(change, rpc.Unauthorized) })
		}
		v.want()
		// Peers have no seal, and the functions of the wire alone.
		v.call(v.plain, rpc.Identity{}, "", start, `{"task_id":"p"}`)
		v.call(v.plain, rpc.Identity{}, rpc.Unauthorized, remove, `{"task_id":"p"}`)
		v.want("nobody p")
	})
}

// Who reads the broker's queues answers in the service's place: not believed.
func TestForgedReplies(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		spy := brokertest.Connect(t, broker)
		last := &keeper{Transport: spy}
		caller := rpc.Sealed(last, rpc.SealOptions{Key: key(t, 1), Self: rpc.Identity{Kind: rpc.Service, Name: "s"}})
		v := newVault(t, broker, false)
		if _, err := rpc.Call(t.Context(), caller, contract.GetUser, contract.UserIDRequest{UserID: "first"}); err != nil {
			t.Fatal(err)
		}
		// The attacker takes the next call before a service does: on a queue that
		// the service does not serve.
		conn, err := amqp.DialConfig(fmt.Sprintf("amqp://guest:guest@%s:%d/", broker.Host, broker.Port), amqp.Config{Vhost: broker.VHost})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ch, err := conn.Channel()
		if err != nil {
			t.Fatal(err)
		}
		queue := contract.DescribeTask.Name
		if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		calls, err := ch.Consume(queue, "", true, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		type outcome struct {
			value string
			err   error
		}
		done := make(chan outcome, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			// The type says what to run, whichever queue it comes by.
			value, err := rpc.CallRaw(ctx, caller, rpc.Request{Function: queue, Body: []byte(`{"task_id":"t"}`)}, false)
			done <- outcome{string(value), err}
		}()
		d := <-calls
		forged := amqp.Publishing{CorrelationId: d.CorrelationId, Body: []byte(`{"status_code":200,"return":"forged"}`)}
		old := *last.reply.Load()
		for _, p := range []amqp.Publishing{
			forged,
			{CorrelationId: d.CorrelationId, Body: forged.Body, Headers: amqp.Table{"agata-seal": old.Seal}},
			{CorrelationId: d.CorrelationId, Body: old.Body, Headers: amqp.Table{"agata-seal": old.Seal}}, // of another call
			{CorrelationId: d.CorrelationId, Body: forged.Body, Headers: amqp.Table{"agata-seal": d.Headers["agata-seal"]}},
			{CorrelationId: d.CorrelationId, Body: forged.Body, Headers: amqp.Table{"agata-seal": int32(1)}},
		} {
			if err := ch.PublishWithContext(t.Context(), "", d.ReplyTo, false, false, p); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(100 * time.Millisecond)
		select {
		case o := <-done:
			t.Fatalf("a forged answer ended the call: %q, %v", o.value, o.err)
		default:
		}
		// The true service has it now: its answer is believed, though it is a failure.
		err = ch.PublishWithContext(t.Context(), "", get, true, false, amqp.Publishing{
			CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, MessageId: d.MessageId, Type: d.Type, Headers: d.Headers, Body: d.Body})
		if err != nil {
			t.Fatal(err)
		}
		if o := <-done; rpc.CodeOf(o.err) != rpc.NotFound || !strings.Contains(o.err.Error(), "invalid RPC function") {
			t.Errorf("got %q, %v", o.value, o.err)
		}
		v.want("service s first")
	})
}

// keeper keeps the last answer that came over a transport.
type keeper struct {
	rpc.Transport
	reply atomic.Pointer[rpc.Reply]
}

func (k *keeper) Call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	reply, err := k.Transport.Call(ctx, r)
	if err == nil {
		k.reply.Store(&reply)
	}
	return reply, err
}

func TestForgedRecords(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		plain := brokertest.Connect(t, broker)
		log, reg := &lockedLog{}, prometheus.NewRegistry()
		sealed := rpc.Sealed(brokertest.Connect(t, broker), rpc.SealOptions{Key: key(t, 1), Self: rpc.Identity{Kind: rpc.Service, Name: "s"},
			Logger: slog.New(slog.NewTextHandler(log, nil)), Registerer: reg})
		other := rpc.Sealed(plain, rpc.SealOptions{Key: key(t, 2), Self: rpc.Identity{Kind: rpc.Service, Name: "s"}})
		for _, step := range []struct {
			by   rpc.Publisher
			body string
		}{{sealed, "1"}, {plain, "forged"}, {plain, "v1.x.y\nforged"}, {other, "forged"}, {sealed, "2"}, {plain, ""}, {sealed, "3"}} {
			if err := step.by.Publish(t.Context(), contract.RecordsQueue, []byte(step.body)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var got []string
		err := sealed.SubscribeBatch(ctx, contract.RecordsQueue, func(bodies [][]byte) error {
			for _, b := range bodies {
				if got = append(got, string(b)); len(got) == 3 {
					cancel()
				}
			}
			return nil
		})
		if err != nil || !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("got %q, %v", got, err)
		}
		if n := strings.Count(log.String(), "is dropped"); n != 1 {
			t.Errorf("%d lines in the log: %s", n, log)
		}
		testenv.Eventually(t, 10*time.Second, "the forged ones are counted", func() bool {
			return gathered(t, reg) == 4
		})
		// Events stay open.
		if err := plain.Publish(t.Context(), contract.EventsQueue, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err = sealed.Subscribe(ctx, contract.EventsQueue, func(body []byte) error {
			if string(body) != "{}" {
				t.Errorf("an event is %q", body)
			}
			cancel()
			return nil
		})
		if err != nil || ctx.Err() != context.Canceled {
			t.Errorf("events: %v, %v", err, ctx.Err())
		}
	})
}

func gathered(t *testing.T, reg *prometheus.Registry) (n float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			n += m.GetCounter().GetValue()
		}
	}
	return n
}

// What the seals cost a call over the embedded broker.
func BenchmarkCall(b *testing.B) {
	for name, sealed := range map[string]bool{"open": false, "sealed": true} {
		b.Run(name, func(b *testing.B) {
			broker := brokertest.Embedded(b)
			wrap := func(t rpc.Transport) rpc.Transport {
				if !sealed {
					return t
				}
				return rpc.Sealed(t, rpc.SealOptions{Key: key(b, 1), Self: rpc.Identity{Kind: rpc.Service, Name: "s"}})
			}
			s, err := baseservice.New(baseservice.Options{Name: "bench", Schemas: brokertest.Schemas(b), Transport: wrap(brokertest.Connect(b, broker))})
			if err != nil {
				b.Fatal(err)
			}
			baseservice.Handle(s, contract.GetUser, func(context.Context, contract.UserIDRequest) (contract.User, error) { return contract.User{}, nil })
			brokertest.Run(b, "service", s.Run)
			brokertest.Wait(b, "the service", s.Started())
			caller := wrap(brokertest.Connect(b, broker))
			for b.Loop() {
				if _, err := rpc.Call(b.Context(), caller, contract.GetUser, contract.UserIDRequest{UserID: "u"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
