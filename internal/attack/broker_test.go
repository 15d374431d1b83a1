package attack

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// overBrokers runs an attack by somebody who has the broker's account and not the
// cloud's key: at the embedded broker and, where there is one, at RabbitMQ.
func overBrokers(t *testing.T, attack func(t *testing.T, w *world)) {
	t.Run("embedded", func(t *testing.T) { attack(t, newWorld(t, "rpc.timeout", "2")) })
	if os.Getenv(testenv.RabbitMQVar) == "" {
		return // tools/test sets it, and CI with it
	}
	t.Run("rabbitmq", func(t *testing.T) {
		node := testenv.RabbitMQ(t)
		attack(t, newWorldOn(t, &world{dir: t.TempDir(), broker: net.JoinHostPort(node.Host, strconv.Itoa(node.Port)), vhost: node.VHost, user: "guest", pass: "guest"}, "rpc.timeout", "2"))
	})
}

// soon bounds a call that should be refused.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestNoForgedCallIsCarriedOut(t *testing.T) {
	t.Parallel()
	overBrokers(t, func(t *testing.T, w *world) {
		w.task("own", "server", "#!/bin/sh\nexec sleep 60\n")
		before := w.tree()
		stranger := w.stranger()
		body, err := json.Marshal(contract.StartTaskRequest{TaskID: "own"})
		if err != nil {
			t.Fatal(err)
		}
		other, err := rpc.NewKey([]byte(strings.Repeat("x", 32)))
		if err != nil {
			t.Fatal(err)
		}
		for name, call := range map[string]func() (rpc.Reply, error){
			"without a seal": func() (rpc.Reply, error) {
				return stranger.Call(soon(t), rpc.Request{Function: contract.StartServerTask.Name, Body: body})
			},
			"with a seal of nothing": func() (rpc.Reply, error) {
				return stranger.Call(soon(t), rpc.Request{Function: contract.StartServerTask.Name, Body: body, Seal: "v1.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
			},
			"with a seal of 1 MiB": func() (rpc.Reply, error) {
				return stranger.Call(soon(t), rpc.Request{Function: contract.StartServerTask.Name, Body: body, Seal: "v1." + strings.Repeat("A", 60_000) + ".A"})
			},
		} {
			reply, err := call()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err := rpc.Decode(reply); rpc.CodeOf(err) != rpc.Unauthorized {
				t.Errorf("%s: %v", name, err)
			}
		}
		forger := rpc.Sealed(stranger, rpc.SealOptions{Key: other, Self: rpc.Identity{Kind: rpc.Operator, Name: "admin", Role: contract.RoleAdmin}})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // the refusal is not sealed as the forger's key wants it
		defer cancel()
		if _, err := rpc.Call(ctx, forger, contract.StartServerTask, contract.StartTaskRequest{TaskID: "own"}); err == nil {
			t.Error("a seal of another key is believed")
		}
		if got := w.state("own"); got != "new" {
			t.Errorf("the task is %s", got)
		}
		w.unchanged(before)
	})
}

// TestNoRogueWorkerIsBelieved: who consumes the queues of the cloud's functions
// gets its calls, and can hold them up; what it answers is not believed.
func TestNoRogueWorkerIsBelieved(t *testing.T) {
	t.Parallel()
	overBrokers(t, func(t *testing.T, w *world) {
		w.must(200, "operator", "POST", "/rpc_exec_update_user_info", `{"user_id":"c1","data_qnt":1}`)
		rogue := w.stranger()
		served := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		got := make(chan rpc.Message, 1024)
		lie := []byte(`{"creation_date":"2026-01-01 00:00:00","last_mod_date":"2026-01-01 00:00:00","ID":"c1","data_qnt":666,"avg_acc_contrib":null,"avg_disconnection_per_round":null,"sensors":[]}`)
		go func() {
			ended <- rogue.Serve(ctx, rpc.ServeOptions{Ready: func() { close(served) }, Endpoints: []rpc.Endpoint{{
				Function: contract.GetUser.Name, Concurrency: 4, Prefetch: 8,
				Handle: func(_ context.Context, m *rpc.Message) rpc.Reply {
					select {
					case got <- *m:
					default:
					}
					return rpc.Reply{Body: rpc.EncodeReturn(lie), Seal: m.Seal} // the call's own seal sent back
				},
			}}})
		}()
		select {
		case <-served:
		case <-time.After(patience):
			t.Fatal("the rogue worker does not serve")
		}
		lied := 0
		for range 4 { // the broker gives each consumer its share
			a := w.ask("operator", "POST", "/rpc_exec_get_user_info", `{"user_id":"c1"}`)
			if strings.Contains(a.body, "666") {
				t.Errorf("the lie is believed: %v", a)
			}
			if a.status != 200 {
				lied++
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if lied == 0 || len(got) == 0 {
			t.Errorf("the rogue worker got %d calls, and %d failed: the attack was none", len(got), lied)
		}
		// What it heard is no use: sent to the true worker it reads only what it may
		// have read, and a change has no second effect.
		w.eventually("the true worker answers again", func() bool {
			return w.ask("operator", "POST", "/rpc_exec_get_user_info", `{"user_id":"c1"}`).status == 200
		})
	})
}

// TestNoCallThatWasOverheardIsCarriedOutAgain, also not for another function, with
// another body or another id.
func TestNoCallThatWasOverheardIsCarriedOutAgain(t *testing.T) {
	t.Parallel()
	overBrokers(t, func(t *testing.T, w *world) {
		stranger := w.stranger()
		heard := &ear{Transport: stranger}
		service := rpc.Sealed(heard, rpc.SealOptions{Key: w.key, Self: rpc.Identity{Kind: rpc.Operator, Name: "admin", Role: contract.RoleAdmin}})
		req := contract.CreateTaskRequest{TaskID: "heard", Host: "h", Port: 1, Username: "u", Password: "p", FilesPaths: []string{}}
		if _, err := rpc.Call(soon(t), service, contract.CreateTask, req); err != nil {
			t.Fatal(err)
		}
		if _, err := rpc.Call(soon(t), service, contract.DeleteTask, contract.TaskIDRequest{TaskID: "heard"}); err != nil {
			t.Fatal(err)
		}
		call := heard.requests[0]
		call.Accept = nil
		for name, change := range map[string]func(*rpc.Request){
			"as it was":    func(*rpc.Request) {},
			"another id":   func(r *rpc.Request) { r.MessageID = "0190a7d4-5c3e-7cc1-9d0b-2a5d5b7c1f10" },
			"another body": func(r *rpc.Request) { r.Body = append([]byte(" "), r.Body...) },
			"another function": func(r *rpc.Request) {
				r.Function, r.Body = contract.StartServerTask.Name, []byte(`{"task_id":"heard"}`)
			},
		} {
			again := call
			change(&again)
			reply, err := stranger.Call(soon(t), again)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rpc.Decode(reply); name != "as it was" && rpc.CodeOf(err) != rpc.Unauthorized {
				t.Errorf("%s: %v", name, err)
			}
			if w.state("heard") != "" {
				t.Errorf("%s: the task is back", name)
			}
		}
	})
}

// ear keeps what goes over a broker.
type ear struct {
	rpc.Transport
	requests []rpc.Request
}

func (e *ear) Call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	e.requests = append(e.requests, r)
	return e.Transport.Call(ctx, r)
}

func TestNoForgedRecordReachesTheHistory(t *testing.T) {
	t.Parallel()
	overBrokers(t, func(t *testing.T, w *world) {
		stranger := w.stranger()
		record := `{"id":"0190a7d4-5c3e-7cc1-9d0b-2a5d5b7c1f10","kind":"event","time":1800000000,"task":"own","event":{"time":1800000000,"service":"s","function":"f","event":"forged"}}`
		bodies := [][]byte{[]byte(record), []byte("v1.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" + record), []byte("\n" + record), {}, []byte(strings.Repeat("x", 1<<20))}
		if err := stranger.Publish(soon(t), contract.RecordsQueue, bodies...); err != nil {
			t.Fatal(err)
		}
		w.task("own", "client.py", "fine") // a true record, behind the forged ones
		w.eventually("the history goes on", func() bool {
			return strings.Contains(w.must(200, "viewer", "GET", "/api/v1/events?task=own", "").body, "Received client.py")
		})
		if a := w.must(200, "viewer", "GET", "/api/v1/events", ""); strings.Contains(a.body, "forged") {
			t.Errorf("the history has it: %v", a)
		}
		// The queue of events is open, and nothing but readers of it believe it.
		if err := stranger.Publish(soon(t), contract.EventsQueue, []byte(`{"time":1,"service":"s","function":"f","event":"forged"}`)); err != nil {
			t.Fatal(err)
		}
		if a := w.must(200, "viewer", "GET", "/api/v1/events", ""); strings.Contains(a.body, "forged") {
			t.Errorf("the history has it: %v", a)
		}
	})
}

// TestNoAnswerIsACall: who has a service answer into the queue of a function, or
// into nowhere, or without what an answer needs, does not have it called.
func TestNoAnswerIsACall(t *testing.T) {
	t.Parallel()
	overBrokers(t, func(t *testing.T, w *world) {
		w.task("own", "client.py", "fine")
		before := w.tree()
		conn, err := amqp.DialConfig("amqp://"+w.broker, amqp.Config{Vhost: w.vhost, SASL: []amqp.Authentication{&amqp.PlainAuth{Username: w.user, Password: w.pass}}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ch, err := conn.Channel()
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{contract.CreateTask.Name, contract.GetUser.Name, contract.RecordsQueue, "nowhere", "amq.rabbitmq.reply-to", "", strings.Repeat("q", 255)} {
			for _, kind := range []string{contract.GetUser.Name, contract.DeleteTask.Name, "", "rpc_exec_\x00", strings.Repeat("f", 255)} {
				if to == "amq.rabbitmq.reply-to" && kind != "" {
					continue // a channel of its own would be needed: the broker closes this one
				}
				if to == "amq.rabbitmq.reply-to" {
					to = "amq.rabbitmq.reply-to.forged"
				}
				err := ch.PublishWithContext(soon(t), "", contract.GetUser.Name, false, false, amqp.Publishing{
					ReplyTo: to, CorrelationId: "x", Type: kind, MessageId: "m", Expiration: "60000", Body: []byte(`{"user_id":"c1"}`),
					Headers: amqp.Table{"agata-seal": "v1.e30.A", "traceparent": strings.Repeat("x", 1000), "nested": amqp.Table{"a": amqp.Table{}}},
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		w.must(200, "operator", "POST", "/rpc_exec_update_user_info", `{"user_id":"c1"}`)
		w.must(200, "operator", "POST", "/rpc_exec_get_user_info", `{"user_id":"c1"}`)
		w.unchanged(before)
		if w.state("own") != "new" {
			t.Errorf("the task is %q", w.state("own"))
		}
	})
}
