package clientgateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestAnswersOfTheCloud(t *testing.T) {
	fn := contract.RequestTasks.Name
	type answer struct {
		status     int
		code, body string
	}
	var next atomic.Pointer[answer]
	srv := cloudOf(t, func(w http.ResponseWriter, r *http.Request) {
		a := next.Load()
		if a.code != "" {
			w.Header().Set("Agata-Code", a.code)
		}
		w.Header().Set("Location", "http://127.0.0.1:1/")
		w.WriteHeader(a.status)
		if _, err := io.WriteString(w, a.body); err != nil {
			t.Logf("the gateway stopped reading: %v", err)
		}
	})
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	serve(t, srv.URL, tr, false)
	prefix := contract.InvalidArguments(fn, "")
	for _, tc := range []struct {
		name string
		answer
		want string
		code rpc.Code
	}{
		{"bad arguments", answer{400, "", `"` + prefix + `user_id: too odd"`}, prefix + "user_id: too odd", rpc.Invalid},
		{"bad arguments without the opening", answer{400, "", `"odd"`}, prefix + "odd", rpc.Invalid},
		{"bad arguments in an object", answer{400, "", `{"status_code":400,"exception":"` + prefix + `odd"}`}, prefix + "odd", rpc.Invalid},
		{"failure", answer{500, "", `"Could not retrieve info from user with ID=u"`}, "Could not retrieve info from user with ID=u", rpc.Internal},
		{"failure with a code", answer{500, "not_found", `"User with ID=u not registered"`}, "User with ID=u not registered", rpc.NotFound},
		{"failure with an unknown code", answer{500, "odd", `"x"`}, "x", rpc.Internal},
		{"failure with the code of another status", answer{500, "invalid", `"x"`}, "x", rpc.Internal},
		{"failure in an object", answer{500, "", ` {"exception":"x"}`}, "x", rpc.Internal},
		{"empty text", answer{500, "", `""`}, "", rpc.Internal},
		{"failure without a text", answer{500, "", `null`}, contract.CloudInvalid, rpc.Unavailable},
		{"object without the text", answer{500, "", `{"error":"x"}`}, contract.CloudInvalid, rpc.Unavailable},
		{"a page", answer{500, "", `<html>`}, contract.CloudInvalid, rpc.Unavailable},
		{"empty failure", answer{400, "", ``}, contract.CloudInvalid, rpc.Unavailable},
		{"endless text", answer{500, "", `"` + strings.Repeat("x", maxText+1) + `"`}, contract.CloudInvalid, rpc.Unavailable},
		{"value that is no JSON", answer{200, "", `<html>`}, contract.CloudInvalid, rpc.Unavailable},
		{"two values", answer{200, "", `[] []`}, contract.CloudInvalid, rpc.Unavailable},
		{"empty value", answer{200, "", ``}, contract.CloudInvalid, rpc.Unavailable},
		{"endless value", answer{200, "", `"` + strings.Repeat("x", maxAnswer) + `"`}, contract.CloudInvalid, rpc.Unavailable},
		{"value that grows when it is encoded", answer{200, "", `"` + strings.Repeat("<", maxAnswer/4) + `"`},
			"the answer of " + fn + " has 23592962 bytes, more than the 15728640 that are allowed: ask for less", rpc.Internal},
		{"other good status", answer{201, "", `[]`}, contract.CloudInvalid, rpc.Unavailable},
		{"redirection", answer{307, "", ``}, contract.CloudInvalid, rpc.Unavailable},
		{"not found", answer{404, "", `"no"`}, contract.CloudInvalid, rpc.Unavailable},
		{"bad gateway", answer{502, "", `"no"`}, contract.CloudInvalid, rpc.Unavailable},
		{"unavailable", answer{503, "", `{"exception":"x"}`}, contract.CloudInvalid, rpc.Unavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			next.Store(&tc.answer)
			v, err := raw(t, tr, fn, `{"user_id":"u"}`, 10*time.Second)
			if err == nil || err.Error() != tc.want || rpc.CodeOf(err) != tc.code {
				t.Errorf("got %s, %s %v; want %s %s", v, rpc.CodeOf(err), err, tc.code, tc.want)
			}
		})
	}
}

func TestCloudIsAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	serve(t, "http://"+address, tr, false)
	began := time.Now()
	_, err = raw(t, tr, contract.RequestTasks.Name, `{"user_id":"u"}`, 10*time.Second)
	if err == nil || err.Error() != contract.CloudInvalid || rpc.CodeOf(err) != rpc.Unavailable {
		t.Errorf("got %s %v", rpc.CodeOf(err), err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("a refused connection took %s", took)
	}
	// It comes up, and nothing here is started again.
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[]") })}}
	srv.Start()
	defer srv.Close()
	if v, err := raw(t, tr, contract.RequestTasks.Name, `{"user_id":"u"}`, 10*time.Second); err != nil || v != "[]" {
		t.Errorf("after the cloud came up: %s, %v", v, err)
	}
}

func TestSilentCloudIsGivenUpInTime(t *testing.T) {
	for name, silence := range map[string]http.HandlerFunc{
		"before the header": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // so that the end of the connection is noticed
			<-r.Context().Done()
		},
		"within the body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, "[")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := cloudOf(t, silence)
			tr := brokertest.Connect(t, brokertest.Embedded(t))
			serve(t, srv.URL, tr, false)
			_, err := raw(t, tr, contract.RequestTasks.Name, `{"user_id":"u"}`, 2*time.Second)
			if err == nil || err.Error() != contract.CloudInvalid || rpc.CodeOf(err) != rpc.Unavailable {
				t.Errorf("got %s %v", rpc.CodeOf(err), err)
			}
		})
	}
}

func TestConnectionsAreKeptAndReplaced(t *testing.T) {
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[]") }))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	serve(t, srv.URL, tr, false)
	for range 20 {
		if _, err := raw(t, tr, contract.RequestTasks.Name, `{"user_id":"u"}`, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("20 calls in a row used %d connections", n)
	}
	for range 5 {
		srv.CloseClientConnections()
		if _, err := raw(t, tr, contract.RequestTasks.Name, `{"user_id":"u"}`, 10*time.Second); err != nil {
			t.Errorf("after the cloud closed the connection: %v", err)
		}
	}
}

func FuzzException(f *testing.F) {
	for _, seed := range []string{`"x"`, `""`, `null`, `{"exception":"x"}`, `{"exception":null}`, `{"exception":1}`, `{"status_code":"x","exception":"y"}`, `[]`, `<html>`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v any
		valid := json.Unmarshal(body, &v) == nil
		text, ok := exception(body)
		if s, isText := v.(string); valid && isText && (!ok || text != s) {
			t.Errorf("%q: got %q, %t", body, text, ok)
		}
		if ok && !valid || !ok && text != "" {
			t.Errorf("%q: got %q, %t", body, text, ok)
		}
	})
}
