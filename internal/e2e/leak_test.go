package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// callsEach is how many calls go by each of the two ways, on each broker.
const callsEach = 5000

// holdings are what calls might leave behind.
type holdings struct {
	Connections, Channels, Queues, Goroutines int
}

func (h holdings) near(o holdings) bool {
	for _, d := range []int{h.Connections - o.Connections, h.Channels - o.Channels, h.Queues - o.Queues, h.Goroutines - o.Goroutines} {
		if d < -2 || d > 2 {
			return false
		}
	}
	return true
}

// Ten thousand calls leave nothing behind. These tests count what the process
// has, so nothing may run beside them.
func TestCallsLeaveNothing(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		w := newWorld(t)
		manyCalls(t, w, func() holdings {
			s := w.cloud.server.Stats()
			return holdings{s.Connections, s.Channels, s.Queues, runtime.NumGoroutine()}
		})
	})
	t.Run("RabbitMQ", func(t *testing.T) {
		n := testenv.RabbitMQ(t)
		w := newWorldOn(t, rabbit(n), embed(t, 0))
		manyCalls(t, w, func() holdings {
			vhost := url.PathEscape(n.VHost)
			return holdings{managed(t, n, "vhosts/"+vhost+"/connections"), managed(t, n, "vhosts/"+vhost+"/channels"), managed(t, n, "queues/"+vhost), runtime.NumGoroutine()}
		})
	})
}

// managed counts what RabbitMQ's management API lists at a path.
func managed(t testing.TB, n *testenv.Node, path string) int {
	t.Helper()
	_, port, _ := strings.Cut(os.Getenv(testenv.RabbitMQVar), ",")
	a := request(t, http.MethodGet, fmt.Sprintf("http://%s:%s/api/%s", n.Host, port, path), "", login("guest", "guest"))
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.status != http.StatusOK {
		t.Fatalf("RabbitMQ's %s: %d %.200s %v", path, a.status, a.body, err)
	}
	return len(list)
}

func manyCalls(t *testing.T, w *world, count func() holdings) {
	w.serveCloud()
	must(t, w.operator, contract.UpdateUser, contract.UpdateUserRequest{UserID: "ada", DataQnt: new(int64(60))})
	calls := func(n int) {
		gateway := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
		each(n, func(i int) {
			resp, err := gateway.Post(w.set["server.gateway.url"]+"/"+getUser, "application/json", strings.NewReader(`{"user_id":"ada"}`))
			if err != nil {
				t.Error(err)
				return
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `"data_qnt":60`) {
				t.Errorf("call %d: %d %.200s %v", i, resp.StatusCode, body, err)
			}
		})
		gateway.CloseIdleConnections()
		each(n, func(i int) {
			// A call in ten is refused, and those leave nothing either.
			id := "ada"
			if i%10 == 0 {
				id = fmt.Sprint("nobody", i)
			}
			_, err := call(t, w.operator, contract.GetUser, contract.UserIDRequest{UserID: id})
			if (err != nil) != (i%10 == 0) {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	calls(200) // what is made once is made
	before := settled(t, count)
	began := time.Now()
	calls(callsEach)
	took := time.Since(began)
	t.Logf("%d calls in %s, %.0f/s; before: %+v", 2*callsEach, took, 2*callsEach/took.Seconds(), before)
	var after holdings
	end := time.Now().Add(patience)
	for after = count(); !after.near(before); after = count() {
		if time.Now().After(end) {
			t.Fatalf("before the calls: %+v\nafter them: %+v", before, after)
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Logf("after: %+v", after)
}

// settled counts until nothing much changes any more: RabbitMQ's lists run seconds
// behind.
func settled(t testing.TB, count func() holdings) (h holdings) {
	t.Helper()
	end := time.Now().Add(patience)
	for same := 0; same < 8; same++ {
		time.Sleep(500 * time.Millisecond)
		if now := count(); !now.near(h) {
			h, same = now, 0
		}
		if time.Now().After(end) {
			t.Fatalf("what is held does not settle: %+v", h)
		}
	}
	return h
}

// each calls fn n times, sixteen at once.
func each(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := worker; i < n; i += 16 {
				fn(i)
			}
		})
	}
	wg.Wait()
}
