package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// message is one of a stream.
type streamed struct{ id, event, data string }

// reader reads a live stream.
type reader struct {
	t    *testing.T
	resp *http.Response
	scan *bufio.Scanner
	stop func()
}

func (w *world) open(path string, header ...string) *reader {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	req, err := http.NewRequestWithContext(ctx, "GET", w.url+Prefix+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip") // which a stream does not do
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &reader{t: w.t, resp: resp, scan: bufio.NewScanner(resp.Body), stop: func() { cancel(); resp.Body.Close() }}
	w.t.Cleanup(r.stop)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Content-Encoding") != "" {
		w.t.Fatalf("%s: %s %v", path, resp.Status, resp.Header)
	}
	return r
}

// next reads the next message with data; false at the end of the stream.
func (r *reader) next() (m streamed, ok bool) {
	for r.scan.Scan() {
		name, value, _ := strings.Cut(r.scan.Text(), ": ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data = value
		case "":
			if m.data != "" {
				if strings.Contains("event round execution client", m.event) {
					spec().validate(r.t, "a message", "#/components/schemas/Entry", m.data)
				}
				return m, true
			}
			m = streamed{id: m.id}
		}
	}
	return m, false
}

// want reads the next message and checks its event.
func (r *reader) want(event string) streamed {
	r.t.Helper()
	m, ok := r.next()
	if !ok || m.event != event {
		r.t.Fatalf("got %+v, %t (%v), want %s", m, ok, r.scan.Err(), event)
	}
	return m
}

func event(task, client, text string) contract.Record {
	now := float64(time.Now().UnixNano()) / 1e9
	return contract.Record{ID: uuid.NewString(), Kind: contract.RecordEvent, Time: now, Client: client, About: contract.About{Task: task},
		Event: &contract.Event{Time: now, Service: "service_cloud_ml", Function: "f", Event: text}}
}

func (w *world) add(records ...contract.Record) {
	w.t.Helper()
	if _, err := w.store.Add(w.t.Context(), records); err != nil {
		w.t.Fatal(err)
	}
}

func TestLive(t *testing.T) {
	w := newWorld(t, nil)
	w.add(event("t1", "", "before"))
	all, one := w.open("/live"), w.open("/live?kinds=event,round&task=t1")
	client, events := w.open("/live?client=c1"), w.open("/events/live")
	for _, r := range []*reader{all, one, client, events} {
		if m := r.want("hello"); m.data != `{"seq":1}` || m.id != "1" {
			t.Fatalf("got %+v", m)
		}
	}
	round := contract.Record{ID: uuid.NewString(), Kind: contract.RecordRound, Time: event("", "", "").Time, Client: "c1", About: contract.About{Task: "t1", Execution: "x"},
		Round: &contract.Round{Side: "client", Round: "1", Acc: "0.5"}}
	w.add(event("t2", "", "other"), round)
	w.add(event("t1", "c1", "text\nof <two> lines"))

	texts := func(r *reader, n int) (kinds string) {
		t.Helper()
		for range n {
			m, ok := r.next()
			var e history.Entry
			if err := json.Unmarshal([]byte(m.data), &e); !ok || err != nil || strconv.FormatInt(e.Seq, 10) != m.id || string(e.Kind) != m.event {
				t.Fatalf("got %+v, %v", m, err)
			}
			kinds += fmt.Sprintf(" %s:%s", m.event, m.id)
		}
		return kinds
	}
	for _, tc := range []struct {
		r    *reader
		want string
	}{{all, " event:2 round:3 event:4"}, {one, " round:3 event:4"}, {client, " round:3 event:4"}, {events, " event:2 event:4"}} {
		if got := texts(tc.r, strings.Count(tc.want, ":")); got != tc.want {
			t.Errorf("got%s, want%s", got, tc.want)
		}
	}
	// A reader that comes back gets what it missed, and the header is newer than its URL.
	for _, r := range []*reader{w.open("/live?after=2"), w.open("/live?after=0", "Last-Event-ID", "2")} {
		if m := r.want("hello"); m.data != `{"seq":2}` {
			t.Errorf("got %+v", m)
		}
		if got := texts(r, 2); got != " round:3 event:4" {
			t.Errorf("got%s", got)
		}
	}
	if a := w.ask("HEAD", "/live", nil); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
}

func TestLiveTellsOfGaps(t *testing.T) {
	w := newWorld(t, nil)
	batch := make([]contract.Record, 1000)
	for range liveBehind/len(batch) + 1 {
		for i := range batch {
			batch[i] = event("t1", "", "x")
		}
		w.add(batch...)
	}
	last := strconv.FormatInt(w.store.LastSeq(), 10)
	for name, after := range map[string]string{"too far behind": "0", "of another history": "99999999"} {
		r := w.open("/live?after=" + after)
		r.want("hello")
		if m := r.want("gap"); m.id != last || m.data != `{"seq":`+last+`}` {
			t.Errorf("%s: %+v", name, m)
		}
		w.add(event("t1", "", "news"))
		if m := r.want("event"); !strings.Contains(m.data, "news") {
			t.Errorf("%s: %+v", name, m)
		}
		last = strconv.FormatInt(w.store.LastSeq(), 10)
		r.stop()
	}
}

func TestLiveEndsWithTheServer(t *testing.T) {
	w := newWorld(t, nil)
	w.ask("POST", "/tasks", newTask("t1"))
	events, logs := w.open("/live"), w.open("/tasks/t1/logs/live")
	events.want("hello")
	logs.want("lines")
	began := time.Now()
	w.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the server waited %s for its streams", took)
	}
	for _, r := range []*reader{events, logs} {
		if m, ok := r.next(); ok {
			t.Errorf("got %+v after the end", m)
		}
	}
}

func TestLiveStreamsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	for range maxStreams - 1 {
		if _, ok := take(w.api.streams); !ok {
			t.Fatal("there are fewer")
		}
	}
	r := w.open("/live")
	r.want("hello")
	if a := w.ask("GET", "/live", nil); a.header.Get("Retry-After") == "" {
		t.Errorf("got %v", a.header)
	} else {
		w.wantProblem(a, 503, "unavailable")
	}
	r.stop()
	testenv.Eventually(t, 10*time.Second, "a stream that ended makes room", func() bool { return len(w.api.streams) == maxStreams-1 })
	w.open("/live").want("hello")
	for range maxRequests {
		take(w.api.requests)
	}
	w.wantProblem(w.ask("GET", "/tasks", nil), 503, "unavailable")
}

func TestLiveLogs(t *testing.T) {
	w := newWorld(t, nil)
	w.ask("POST", "/tasks", newTask("t1"))
	w.cloud.with(func(c *cloud) { c.lines = []string{"a", "b"} })
	r := w.open("/tasks/t1/logs/live?lines=1")
	if m := r.want("lines"); m.data != `{"lines":["b"]}` || m.id != "2" {
		t.Errorf("got %+v", m)
	}
	w.cloud.with(func(c *cloud) { c.lines = append(c.lines, "c") })
	if m := r.want("lines"); m.data != `{"lines":["c"]}` || m.id != "3" {
		t.Errorf("got %+v", m)
	}
	back := w.open("/tasks/t1/logs/live", "Last-Event-ID", "1")
	if m := back.want("lines"); m.data != `{"lines":["b","c"]}` {
		t.Errorf("got %+v", m)
	}
	w.ask("DELETE", "/tasks/t1", nil)
	if m, ok := r.next(); ok {
		t.Errorf("got %+v of a task that is gone", m)
	}
}

// deadlines notes what a writer is given.
type deadlines struct {
	http.ResponseWriter
	given []time.Time
	wrote strings.Builder
	fails error
}

func (d *deadlines) SetWriteDeadline(at time.Time) error { d.given = append(d.given, at); return nil }
func (d *deadlines) Write(b []byte) (int, error) {
	if d.fails != nil {
		return 0, d.fails
	}
	return d.wrote.Write(b)
}
func (d *deadlines) FlushError() error { return nil }

func TestSlowReadersAndHeartbeats(t *testing.T) {
	d := &deadlines{}
	s := &events{w: d, ctl: http.NewResponseController(d), id: "7"}
	if err := s.send("5", "event", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(d.given[0]); left <= 0 || left > slowReader {
		t.Errorf("a message may take %s", left)
	}
	if err := s.beat(); err != nil || d.wrote.String() != "id: 5\nevent: event\ndata: {}\n\n" {
		t.Errorf("%v, %q", err, d.wrote.String())
	}
	d.wrote.Reset()
	s.last = time.Now().Add(-heartbeat)
	if err := s.beat(); err != nil || d.wrote.String() != ": \nid: 7\n\n" || len(d.given) != 2 {
		t.Errorf("%v, %q", err, d.wrote.String())
	}
	d.fails = context.DeadlineExceeded
	if err := s.send("6", "event", []byte("{}")); err == nil {
		t.Error("a reader that took nothing is served on")
	}
}
