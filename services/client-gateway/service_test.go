package clientgateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// cloudOf runs an HTTP server in the cloud gateway's place.
func cloudOf(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func raw(t testing.TB, tr *amqpx.Transport, fn, body string, within time.Duration) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	v, err := rpc.CallRaw(ctx, tr, rpc.Request{Function: fn, Body: []byte(body), Trace: trace}, true)
	return string(v), err
}

const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestForwardsBothFunctions(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		type request struct{ Line, Type, Trace, Body string }
		got := make(chan request, 10)
		srv := cloudOf(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			got <- request{r.Method + " " + r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("traceparent"), string(body)}
			if strings.HasSuffix(r.URL.Path, "info") {
				fmt.Fprint(w, " null\n")
			} else {
				fmt.Fprint(w, `[{"ID": "a<b", "port": 9007199254740993}]`)
			}
		})
		tr := brokertest.Connect(t, broker)
		serve(t, srv.URL+"/", tr, false)
		for _, tc := range []struct{ fn, body, want string }{
			{contract.UpdateUser.Name, `{ "sensors": ["ü"], "data_qnt": 1.0, "user_id": "u" }`, `null`},
			{contract.RequestTasks.Name, `{"user_id":"u"}`, `[{"ID":"a\u003cb","port":9007199254740993}]`},
		} {
			v, err := raw(t, tr, tc.fn, tc.body, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if want := (request{"POST /" + tc.fn, "application/json", trace, tc.body}); want != <-got {
				t.Errorf("the cloud did not get %+v", want)
			}
			if v != tc.want {
				t.Errorf("returned %s, want %s", v, tc.want)
			}
		}
	})
}

func TestBadArgumentsStayHere(t *testing.T) {
	srv := cloudOf(t, func(http.ResponseWriter, *http.Request) { t.Error("the cloud was asked") })
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	serve(t, srv.URL, tr, false)
	_, err := raw(t, tr, contract.UpdateUser.Name, `{"user_id":1}`, 10*time.Second)
	if want := contract.InvalidArguments(contract.UpdateUser.Name, "user_id: got number, want string"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	var now, most atomic.Int32
	srv := cloudOf(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(2 * time.Millisecond)
		_, _ = io.Copy(w, r.Body)
	})
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	serve(t, srv.URL, tr, false)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			body := fmt.Sprintf(`{"user_id":"u%d"}`, i)
			if v, err := raw(t, tr, contract.RequestTasks.Name, body, 20*time.Second); err != nil || v != body {
				t.Errorf("%s came back as %s, %v", body, v, err)
			}
		})
	}
	wg.Wait()
	if m := most.Load(); m > concurrency {
		t.Errorf("%d calls were at the cloud at once, at most %d are meant to be", m, concurrency)
	}
}

func TestEventsTellOfTheWay(t *testing.T) {
	srv := cloudOf(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "null") })
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	stop := serve(t, srv.URL, tr, true)
	for _, fn := range []string{contract.UpdateUser.Name, contract.RequestTasks.Name} {
		if _, err := raw(t, tr, fn, `{"user_id":"u"}`, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	want := []string{
		"main: Started",
		"rpc_redirect_update_user_info: Started redirecting update user info msg",
		"rpc_redirect_update_user_info: Finished redirecting update user info msg",
		"rpc_redirect_client_requesting_task: Started redirecting task request msg",
		"rpc_redirect_client_requesting_task: Finished redirecting task request msg",
		"main: Interrupted",
	}
	brokertest.WantEvents(t, tr, "client_gateway", want)
}

func TestNewRefusesWhatIsNoURL(t *testing.T) {
	for _, url := range []string{"", "localhost:9001", "ftp://h", "http://", "http://h:port", "http://h/?q=1", "http://h/#f"} {
		if _, err := New(Options{URL: url, Base: baseservice.Options{}}); err == nil || !strings.Contains(err.Error(), "URL") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := New(Options{URL: "http://h"}); err == nil || !strings.Contains(err.Error(), "transport") {
		t.Errorf("without a transport: %v", err)
	}
}
