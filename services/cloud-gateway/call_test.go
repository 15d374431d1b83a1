package cloudgateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestAnswers(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, o amqpx.Options) {
		tr := brokertest.Connect(t, o)
		peer(t, tr, "user-manager", users)
		url, _ := serve(t, tr, Options{})
		update, get := contract.UpdateUser.Name, contract.GetUser.Name
		invalid := func(fn, why string) string { return contract.InvalidArguments(fn, why) }
		for _, tc := range []struct {
			name, method, fn, body string
			status                 int
			want                   string // the value, or the text of a failure
			code                   string
		}{
			{"value", "POST", update, ` {"user_id":"ü", "data_qnt":1} `, 200, `{"user_id":"ü","data_qnt":1}`, ""},
			{"failure", "POST", get, `{"user_id":"nobody"}`, 500, "User with ID=nobody not registered", "not_found"},
			{"failure of the service", "POST", get, `{"user_id":"broken"}`, 500, `disk "a" <full> ü`, "internal"},
			{"failure that looks like the broker's", "POST", get, `{"user_id":"away"}`, 500, "nobody serves as I do", "unavailable"},
			{"arguments", "POST", get, `{"user":"u"}`, 400, invalid(get, "missing property 'user_id'; additional properties 'user' not allowed"), "invalid"},
			{"empty", "POST", get, ``, 400, invalid(get, "the body is not JSON: unexpected end of JSON input"), "invalid"},
			{"spaces", "POST", get, ` `, 400, invalid(get, "the body is not JSON: unexpected end of JSON input"), "invalid"},
			{"malformed", "POST", get, `{"user_id":}`, 400, invalid(get, "the body is not JSON: invalid character '}' looking for beginning of value"), "invalid"},
			{"two objects", "POST", get, `{} {}`, 400, invalid(get, "the body is not JSON: invalid character '{' after top-level value"), "invalid"},
			{"array", "POST", get, `[{"user_id":"u"}]`, 400, invalid(get, "the body is not a JSON object"), "invalid"},
			{"null", "POST", get, `null`, 400, invalid(get, "the body is not a JSON object"), "invalid"},
			{"text", "POST", get, ` "{"`, 400, invalid(get, "the body is not a JSON object"), "invalid"},
			{"not UTF-8", "POST", get, "{\"user_id\":\"\xff\"}", 400, invalid(get, "the body is not UTF-8"), "invalid"},
			{"huge", "POST", get, `{"user_id":"` + strings.Repeat("x", 3<<20) + `"}`, 400, invalid(get, "the body has more than the 1048576 bytes that are allowed"), "invalid"},
			{"unknown function", "POST", "rpc_exec_nothing", `{}`, 500, "rpc_exec_nothing is an invalid RPC function", "not_found"},
			{"service away", "POST", contract.GetTask.Name, `{"task_id":"a"}`, 500, "cloud-task-manager is not running, nobody else serves rpc_exec_get_task_by_id: start it", "unavailable"},
			{"GET", "GET", get, ``, 405, "functions are called with POST", ""},
			{"PUT", "PUT", get, `{}`, 405, "functions are called with POST", ""},
		} {
			t.Run(tc.name, func(t *testing.T) {
				a := request(t, tc.method, url+"/"+tc.fn, tc.body)
				got := a.body
				if tc.status != 200 {
					got = text(t, a)
				}
				if a.status != tc.status || got != tc.want || a.header.Get("Agata-Code") != tc.code {
					t.Errorf("got %d %s %.300s\nwant %d %s %s", a.status, a.header.Get("Agata-Code"), got, tc.status, tc.code, tc.want)
				}
				if a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Content-Type") != "application/json" {
					t.Errorf("headers %v", a.header)
				}
				if tc.status == 405 && a.header.Get("Allow") != "OPTIONS, POST" {
					t.Errorf("405 allows %q", a.header.Get("Allow"))
				}
			})
		}
	})
}

func TestOtherNamesAreNotForwarded(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	url, _ := serve(t, tr, Options{})
	for _, fn := range []string{"events", "amq.rabbitmq.reply-to", "rpc_exec_", "rpc_exec_A", "rpc_exec_a-b", "xrpc_exec_a", "rpc_exec_a%2Fb", "rpc_exec_a%0A",
		"rpc_exec_" + strings.Repeat("a", 201)} {
		a := post(t, url, fn, `{}`)
		if a.status != 404 || !strings.Contains(text(t, a), "is an invalid RPC function") {
			t.Errorf("%s: %d %s", fn, a.status, a.body)
		}
	}
}

func TestChunkedBodies(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	peer(t, tr, "user-manager", users)
	url, _ := serve(t, tr, Options{})
	for _, tc := range []struct {
		body   string
		status int
	}{
		{`{"user_id":"u"}`, 200},
		{`{"user_id":"` + strings.Repeat("x", 2<<20) + `"}`, 400},
	} {
		// A reader whose length nobody knows.
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/"+contract.UpdateUser.Name, io.MultiReader(strings.NewReader(tc.body)))
		if err != nil {
			t.Fatal(err)
		}
		if a := send(t, req); a.status != tc.status {
			t.Errorf("%d bytes: got %d %s, want %d", len(tc.body), a.status, a.body, tc.status)
		}
	}
}

func TestSlowService(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	ended := make(chan struct{}, 2)
	stop := peer(t, tr, "user-manager", func(s *baseservice.Service) {
		baseservice.Handle(s, contract.GetUser, func(ctx context.Context, _ contract.UserIDRequest) (contract.User, error) {
			<-ctx.Done()
			ended <- struct{}{}
			return contract.User{}, ctx.Err()
		})
	})
	url, _ := serve(t, tr, Options{Timeout: 300 * time.Millisecond})
	late := func() {
		t.Helper()
		began := time.Now()
		a := post(t, url, contract.GetUser.Name, `{"user_id":"u"}`)
		const want = "no answer from rpc_exec_get_user_info within 300ms: user-manager is busy or not running"
		if got := text(t, a); a.status != 500 || a.header.Get("Agata-Code") != "deadline" || got != want {
			t.Errorf("got %d %s %s", a.status, a.header.Get("Agata-Code"), got)
		}
		if took := time.Since(began); took < 300*time.Millisecond || took > 3*time.Second {
			t.Errorf("a deadline of 300 ms took %s", took)
		}
	}
	late()
	brokertest.Wait(t, "the end of the slow execution", ended) // the deadline went with the call
	stop()
	late() // its queue is still there
}

func TestTraceGoesOn(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	got := make(chan string, 2)
	peer(t, tr, "user-manager", func(s *baseservice.Service) {
		baseservice.Handle(s, contract.GetUser, func(ctx context.Context, _ contract.UserIDRequest) (contract.User, error) {
			got <- rpc.TraceFrom(ctx)
			return contract.User{}, nil
		})
	})
	url, _ := serve(t, tr, Options{})
	const id = "0af7651916cd43dd8448eb211c80319c"
	request(t, http.MethodPost, url+"/"+contract.GetUser.Name, `{"user_id":"u"}`, "traceparent", "00-"+id+"-b7ad6b7169203331-01")
	if trace := <-got; !strings.HasPrefix(trace, "00-"+id+"-") {
		t.Errorf("the service got the trace %q", trace)
	}
	a := request(t, http.MethodPost, url+"/"+contract.GetUser.Name, `{"user_id":"u"}`, "traceparent", "odd")
	if trace := <-got; a.header.Get("X-Correlation-Id") == "" || !strings.Contains(trace, a.header.Get("X-Correlation-Id")) {
		t.Errorf("the service got the trace %q, the caller %q", trace, a.header.Get("X-Correlation-Id"))
	}
}

func TestEventsTellOfTheWay(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	peer(t, tr, "user-manager", users)
	url, stop := serve(t, tr, Options{Base: baseservice.Options{Events: true}})
	post(t, url, contract.GetUser.Name, `{"user_id":"u"}`)
	post(t, url, "rpc_exec_nothing", `{}`)
	post(t, url, contract.GetUser.Name, `[]`) // is not redirected
	stop()
	want := []string{
		"main: Started",
		"rpc_handler: Started redirecting rpc_exec_get_user_info msg", "rpc_handler: Finished redirecting rpc_exec_get_user_info msg",
		"rpc_handler: Started redirecting rpc_exec_nothing msg", "rpc_handler: Finished redirecting rpc_exec_nothing msg",
		"main: Interrupted",
	}
	brokertest.WantEvents(t, tr, "cloud_gateway", want)
}

func TestHiddenErrors(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	url, _ := serve(t, tr, Options{Base: baseservice.Options{HideErrors: true}})
	a := post(t, url, contract.GetUser.Name, `{"user_id":"u"}`)
	if got := text(t, a); a.status != 500 || got != contract.HiddenError || a.header.Get("Agata-Code") != "unavailable" {
		t.Errorf("got %d %s", a.status, got)
	}
	if a := post(t, url, contract.GetUser.Name, `[]`); a.status != 400 || !strings.Contains(a.body, "not a JSON object") {
		t.Errorf("what the caller did wrong is hidden: %d %s", a.status, a.body)
	}
}

func FuzzReadObject(f *testing.F) {
	for _, seed := range []string{`{}`, ` {"a":[1,{"b":null}]}`, `[]`, `null`, ``, `{`, `{} {}`, "{\"\xff\":1}", "\ufeff{}", `{"a":1e999}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/x", bytes.NewReader(body))
		got, err := readObject(httptest.NewRecorder(), r)
		var object map[string]json.RawMessage
		good := utf8.Valid(body) && json.Unmarshal(body, &object) == nil && object != nil
		if good != (err == nil) || good && !bytes.Equal(got, body) {
			t.Errorf("%q: got %q, %v", body, got, err)
		}
	})
}
