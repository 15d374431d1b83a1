package clientgateway

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// linked plays a cloud gateway with a downlink: what is put in is sent on the link
// that is open.
type linked struct {
	*httptest.Server
	send chan string

	mu     sync.Mutex
	opened []*http.Request
	done   []contract.CommandResult
	refuse int // a status, or 0
}

func newLinked(t *testing.T) *linked {
	l := &linked{send: make(chan string)}
	l.Server = cloudOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/api/v1/clients/ada%20&%20eve/downlink" {
			var report contract.ClientReport
			if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
				t.Error(err)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.done = append(l.done, report.Done...)
			fmt.Fprint(w, `{"commands":[]}`)
			return
		}
		l.mu.Lock()
		l.opened = append(l.opened, r)
		refuse := l.refuse
		l.mu.Unlock()
		if refuse != 0 {
			w.WriteHeader(refuse)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "retry: 1\n\n")
		for {
			w.(http.Flusher).Flush()
			select {
			case text := <-l.send:
				if text == "" {
					return
				}
				fmt.Fprint(w, text)
			case <-time.After(300 * time.Millisecond):
				fmt.Fprint(w, ": \n\n")
			case <-r.Context().Done():
				return
			}
		}
	})
	return l
}

func (l *linked) put(t *testing.T, text string) {
	t.Helper()
	select {
	case l.send <- text:
	case <-time.After(patience):
		t.Fatalf("no link took %q", text)
	}
}

func (l *linked) links() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.opened)
}

// outcomes waits for n.
func (l *linked) outcomes(t *testing.T, n int) (done []contract.CommandResult) {
	t.Helper()
	testenv.Eventually(t, patience, fmt.Sprint(n, " outcomes"), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		done = slices.Clone(l.done)
		return len(done) >= n
	})
	return done
}

// client runs a client gateway with a downlink to url; a client's task manager
// that the test plays is behind it.
type client struct {
	mu       sync.Mutex
	woken    []contract.WakeRequest
	released []string
}

func (c *client) serve(t *testing.T, broker amqpx.Options) {
	t.Helper()
	manager, err := baseservice.New(baseservice.Options{Name: "client-task-manager", Transport: brokertest.Connect(t, broker), Schemas: brokertest.Schemas(t)})
	if err != nil {
		t.Fatal(err)
	}
	baseservice.Handle(manager, contract.Wake, func(_ context.Context, req contract.WakeRequest) (contract.None, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.woken = append(c.woken, req)
		return contract.None{}, nil
	})
	baseservice.Handle(manager, contract.ReleaseTask, func(_ context.Context, req contract.TaskIDRequest) (contract.None, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.released = append(c.released, req.TaskID)
		return contract.None{}, nil
	})
	brokertest.Run(t, "client task manager", manager.Run)
	<-manager.Started()
}

func (c *client) wakes(t *testing.T, n int) (woken []contract.WakeRequest) {
	t.Helper()
	testenv.Eventually(t, patience, fmt.Sprint(n, " wakes"), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		woken = slices.Clone(c.woken)
		return len(woken) >= n
	})
	return woken
}

func gateway(t *testing.T, url, data string, broker amqpx.Options) (stop func()) {
	t.Helper()
	s, err := New(Options{URL: url, UserID: "ada & eve", Interval: time.Second, Data: data,
		Base: baseservice.Options{Transport: brokertest.Connect(t, broker), Schemas: brokertest.Schemas(t), Client: "ada & eve"}})
	if err != nil {
		t.Fatal(err)
	}
	stop = brokertest.Run(t, "client gateway", s.Run)
	brokertest.Wait(t, "the start of the client gateway", s.Started())
	return stop
}

func TestTheDownlinkWakesAndCommands(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		c, cloud, data := &client{}, newLinked(t), t.TempDir()
		c.serve(t, broker)
		stop := gateway(t, cloud.URL, data, broker)
		cloud.put(t, "id: f.1\nevent: command\ndata: {\"id\":\"\",\"kind\":\"wake\",\"task\":\"a\",\"change\":\"started\",\"age\":3600}\n\n")
		w := c.wakes(t, 1)[0]
		if ago := float64(time.Now().UnixMicro())/1e6 - w.At; ago < 3600 || ago > 3660 {
			t.Errorf("woken for what happened %g s ago", ago)
		}
		if w.At = 0; w != (contract.WakeRequest{TaskID: "a", Change: "started"}) {
			t.Errorf("woken by %+v", w)
		}
		release := "event: command\ndata: {\"id\":\"7\",\"kind\":\"release\",\"task\":\"a\"}\n\n"
		for _, text := range []string{"event: command\ndata: nonsense\n\n", "event: news\ndata: {}\n\n", "event: command\ndata: {}\n\n", release, release} {
			cloud.put(t, text)
		}
		if done := cloud.outcomes(t, 1); done[0] != (contract.CommandResult{ID: "7"}) {
			t.Errorf("told %+v", done)
		}
		// The link is opened again where it was, and an outcome outlives the gateway.
		cloud.put(t, "")
		cloud.put(t, "id: f.9\n\n")
		cloud.mu.Lock()
		first, second := cloud.opened[0], cloud.opened[1]
		cloud.mu.Unlock()
		if first.Header.Get("Last-Event-ID") != "" || second.Header.Get("Last-Event-ID") != "f.1" || first.URL.RawQuery != "heartbeat=1" {
			t.Errorf("opened with %v, then %v", first.Header, second.Header)
		}
		stop()
		before := len(cloud.outcomes(t, 1))
		gateway(t, cloud.URL, data, broker)
		cloud.put(t, release)
		if done := cloud.outcomes(t, before+1); done[before] != (contract.CommandResult{ID: "7"}) {
			t.Errorf("told %+v", done)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if !slices.Equal(c.released, []string{"a"}) {
			t.Errorf("released %q", c.released)
		}
	})
}

// A connection that is dead without a word is noticed by the missing heartbeats.
func TestASilentLinkIsReplaced(t *testing.T) {
	cloud := newLinked(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var silent atomic.Bool
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() { // the way to the cloud
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", cloud.Listener.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			quiet := !silent.Load() // the first ones go silent, later ones are well
			pass := func(to, from net.Conn) {
				defer to.Close()
				b := make([]byte, 4096)
				for {
					n, err := from.Read(b)
					if err != nil {
						return
					}
					if quiet && silent.Load() {
						continue
					}
					if _, err := to.Write(b[:n]); err != nil {
						return
					}
				}
			}
			wg.Go(func() { pass(up, conn) })
			wg.Go(func() { pass(conn, up) })
		}
	})
	c, broker := &client{}, brokertest.Embedded(t)
	c.serve(t, broker)
	gateway(t, "http://"+l.Addr().String(), "", broker)
	wake := "event: command\ndata: {\"kind\":\"wake\"}\n\n"
	cloud.put(t, wake)
	c.wakes(t, 1)
	silent.Store(true)
	began := time.Now()
	testenv.Eventually(t, patience, "a new link", func() bool { return cloud.links() > 1 })
	t.Logf("noticed and replaced after %s", time.Since(began))
	for len(c.wakes(t, 1)) < 2 { // the old link is still open at the cloud, and may swallow some
		cloud.put(t, wake)
	}
}

// An older cloud is asked again after a minute, one that fails within the back-off.
func TestACloudWithoutADownlink(t *testing.T) {
	cloud := newLinked(t)
	cloud.refuse = http.StatusNotFound
	gateway(t, cloud.URL, "", brokertest.Embedded(t))
	testenv.Eventually(t, patience, "the first try", func() bool { return cloud.links() == 1 })
	time.Sleep(time.Second)
	if n := cloud.links(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// What a busy cloud says in the answer to a poll reaches the client.
func TestABusyCloudIsPassedOn(t *testing.T) {
	srv := cloudOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/"+contract.RequestTasks.Name {
			http.NotFound(w, r)
			return
		}
		w.Header().Set(contract.RetryHeader, "12.5")
		fmt.Fprint(w, "[]")
	})
	c, broker := &client{}, brokertest.Embedded(t)
	c.serve(t, broker)
	gateway(t, srv.URL, "", broker)
	if v, err := raw(t, brokertest.Connect(t, broker), contract.RequestTasks.Name, `{"user_id":"u"}`, 10*time.Second); err != nil || v != "[]" {
		t.Fatal(v, err)
	}
	if w := c.wakes(t, 1); w[0] != (contract.WakeRequest{PollAfter: 12.5}) {
		t.Errorf("told %+v", w)
	}
}

func TestPausesOfTheDownlink(t *testing.T) {
	d := &downlink{first: linkFirst, log: slog.New(slog.DiscardHandler)}
	for try, most := range []time.Duration{200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000} {
		var longest, sum time.Duration
		for range 200 {
			p := d.pause(errSilent, try)
			longest, sum = max(longest, p), sum+p
		}
		most *= time.Millisecond
		if longest > most+time.Millisecond || sum/200 < most/4 || sum/200 > most*3/4 {
			t.Errorf("try %d: %s at most, %s on average; want all of %s", try, longest, sum/200, most)
		}
	}
	if p := d.pause(&refusal{}, 0); p < absentFirst/2 || p > absentFirst {
		t.Errorf("an older cloud is asked again after %s", p)
	}
	d.first = 10 * time.Second
	if p := d.pause(errSilent, 50); p > linkMost+time.Millisecond {
		t.Errorf("paused %s", p)
	}
}

// A link that another one replaces again and again is opened ever more slowly.
func TestTwoGatewaysOfOneClientDoNotFight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		c := &cloud{url: "http://cloud", client: &http.Client{Transport: answers(func(r *http.Request) *http.Response {
			opened++
			rec := httptest.NewRecorder()
			rec.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(rec, "event: replaced\ndata: {}\n\n")
			return rec.Result()
		})}}
		d := newDownlink(c, "ada", time.Second, nil, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		d.run(ctx)
		if opened < 20 || opened > 100 {
			t.Errorf("opened %d times in 10 minutes", opened)
		}
	})
}

type answers func(*http.Request) *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }
