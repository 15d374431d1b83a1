package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// changing plays the task manager's feed: what is put in is answered.
type changing chan contract.Changes

func (w *world) watch() changing {
	w.t.Helper()
	c := make(changing)
	s, err := baseservice.New(baseservice.Options{Name: "feed", Transport: w.tr, Schemas: brokertest.Schemas(w.t), SoftDrain: 10 * time.Millisecond})
	if err != nil {
		w.t.Fatal(err)
	}
	baseservice.Handle(s, contract.AwaitChanges, func(ctx context.Context, _ contract.AwaitChangesRequest) (answer contract.Changes, err error) {
		select {
		case answer = <-c:
			answer.Changes = list(answer.Changes)
		case <-ctx.Done():
			err = ctx.Err()
		}
		return answer, err
	})
	brokertest.Run(w.t, "the feed", s.Run)
	brokertest.Wait(w.t, "the start of the feed", s.Started())
	brokertest.Run(w.t, "the watch", w.api.Watch)
	return c
}

func (c changing) put(w *world, answer contract.Changes) {
	w.t.Helper()
	select {
	case c <- answer:
	case <-time.After(20 * time.Second):
		w.t.Fatal("nobody asks for changes")
	}
}

// command reads the next command of a link.
func (r *reader) command() (c contract.Command, id string) {
	r.t.Helper()
	m := r.want("command")
	spec().validate(r.t, "a command", "#/components/schemas/Command", m.data)
	if err := json.Unmarshal([]byte(m.data), &c); err != nil {
		r.t.Fatal(err)
	}
	return c, m.id
}

func (r *reader) wantWake(task, change, id string) {
	r.t.Helper()
	c, at := r.command()
	if c.Age < 0 || c.Age > 60 {
		r.t.Errorf("%s of %s is %g s old", change, task, c.Age)
	}
	if c.Age = 0; c != (contract.Command{Kind: "wake", Task: task, Change: change}) || at != id {
		r.t.Errorf("got %+v at %q, want %s of %s at %q", c, at, change, task, id)
	}
}

func (w *world) linked(n int) {
	w.t.Helper()
	testenv.Eventually(w.t, 20*time.Second, fmt.Sprint(n, " links"), func() bool { return len(w.api.linked) == n })
}

func TestChangesWakeWhomTheyConcern(t *testing.T) {
	w := newWorld(t, nil)
	feed := w.watch()
	feed.put(w, contract.Changes{Feed: "f", Next: 7})
	ada, bob := w.open("/clients/ada/downlink"), w.open("/clients/bob/downlink")
	w.linked(2)
	feed.put(w, contract.Changes{Feed: "f", Next: 8, Changes: []contract.TaskChange{{Seq: 8, Task: "t", Change: "started", Clients: []string{"ada", "cid"}}}})
	ada.wantWake("t", "started", "f.8")
	feed.put(w, contract.Changes{Feed: "f", Next: 9, Changes: []contract.TaskChange{{Seq: 9, Task: "u", Change: "stopped", All: true}}})
	ada.wantWake("u", "stopped", "f.9")
	bob.wantWake("u", "stopped", "f.9")
	// What was not told in time is told without a word.
	feed.put(w, contract.Changes{Feed: "f", Next: 5000, Missed: true})
	ada.wantWake("", "", "f.5000")
	bob.wantWake("", "", "f.5000")
	// A new feed begins anew.
	feed.put(w, contract.Changes{Feed: "g", Next: 1, Changes: []contract.TaskChange{{Seq: 1, Task: "t", Change: "ended", Clients: []string{"bob"}}}})
	bob.wantWake("t", "ended", "g.1")
}

func TestALinkResumes(t *testing.T) {
	w := newWorld(t, nil)
	feed := w.watch()
	early := w.open("/clients/early/downlink", "Last-Event-ID", "f.2") // before the feed is known
	w.linked(1)
	feed.put(w, contract.Changes{Feed: "f", Next: 3})
	early.wantWake("", "", "f.3")
	feed.put(w, contract.Changes{Feed: "f", Next: 6, Changes: []contract.TaskChange{
		{Seq: 4, Task: "t", Change: "started"}, {Seq: 5, Task: "t", Change: "stopped"}, {Seq: 6, Task: "u", Change: "started"}}})
	testenv.Eventually(t, 20*time.Second, "the changes are in", func() bool {
		w.api.links.mu.Lock()
		defer w.api.links.mu.Unlock()
		return w.api.links.seq == 6
	})
	for last, want := range map[string][]string{
		"f.5": {"u started"}, "f.3": {"t stopped", "u started"},
		"f.2": {" "}, "g.6": {" "}, "6": {" "}, "f.": {" "}, "f.x": {" "}, ".": {" "}, "f.-9": {" "}, "f.9": {" "},
	} {
		r := w.open("/clients/ada/downlink", "Last-Event-ID", last)
		var got []string
		for range want {
			c, _ := r.command()
			got = append(got, c.Task+" "+c.Change)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("after %q: %q, want %q", last, got, want)
		}
		r.stop()
	}
	// Nothing was missed: nobody is woken.
	for _, last := range []string{"f.6", "", strings.Repeat("x", 129)} {
		r := w.open("/clients/bob/downlink", "Last-Event-ID", last)
		testenv.Eventually(t, 20*time.Second, "bob's link", func() bool { _, ok := w.api.links.find("bob"); return ok })
		feed.put(w, contract.Changes{Feed: "f", Next: 6, Changes: []contract.TaskChange{{Seq: 6, Task: "x", Change: "ended", Clients: []string{"bob"}}}})
		r.wantWake("x", "ended", "f.6")
		r.stop()
		testenv.Eventually(t, 20*time.Second, "its end", func() bool { _, ok := w.api.links.find("bob"); return !ok })
	}
}

func (ls *links) find(client string) (*link, bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l, ok := ls.byClient[client]
	return l, ok
}

func TestCommandsComeByTheLink(t *testing.T) {
	w := newWorld(t, nil)
	w.cloud.with(func(c *cloud) { c.users["ada"] = contract.User{ID: "ada"} })
	release := func(task string) string {
		t.Helper()
		return decode[history.CommandView](w, w.ask("POST", "/clients/ada/quarantine/"+task+"/release", nil), 202).ID
	}
	first := release("before") // while the client is away
	r := w.open("/clients/ada/downlink")
	if c, _ := r.command(); c.ID != first || c.Kind != "release" || c.Task != "before" {
		t.Errorf("got %+v", c)
	}
	second := release("after")
	if c, _ := r.command(); c.ID != second { // the first one is not brought again
		t.Errorf("got %+v", c)
	}
	w.ask("POST", "/clients/ada/records", contract.ClientReport{Records: []contract.Record{}, Done: []contract.CommandResult{{ID: first}}})
	r.stop()
	r = w.open("/clients/ada/downlink") // but on a new link, until its outcome is told
	if c, _ := r.command(); c.ID != second {
		t.Errorf("got %+v", c)
	}
}

func TestALinkIsReplacedDrainedAndBounded(t *testing.T) {
	w := newWorld(t, nil)
	old := w.open("/clients/ada/downlink")
	w.linked(1)
	young := w.open("/clients/ada/downlink")
	old.want("replaced")
	if m, ok := old.next(); ok {
		t.Errorf("after its end came %+v", m)
	}
	w.linked(1)
	for range maxLinks - 1 {
		w.api.linked <- struct{}{}
	}
	if a := w.ask("GET", "/clients/bob/downlink", nil); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("one link too many: %d %s", a.status, a.body)
	}
	for range maxLinks - 1 {
		<-w.api.linked
	}
	w.stop()
	if m, ok := young.next(); ok {
		t.Errorf("at the drain came %+v", m)
	}
	if len(w.api.links.byClient) != 0 {
		t.Error("links are left")
	}
}

func TestALinkBeats(t *testing.T) {
	w := newWorld(t, nil)
	feed := w.watch()
	feed.put(w, contract.Changes{Feed: "f", Next: 7})
	r := w.open("/clients/ada/downlink?heartbeat=1")
	var lines []string
	for len(lines) < 12 && r.scan.Scan() {
		lines = append(lines, r.scan.Text())
	}
	all := strings.Join(lines, "\n")
	if n := strings.Count(all, "id: f.7"); n < 2 || strings.Count(all, "retry: 200\n") < 2 {
		t.Errorf("got %q", all)
	}
}

func TestRetryGrowsWithTheLinks(t *testing.T) {
	ls := newLinks()
	var l *link
	for i := range 10_000 {
		l = ls.open(fmt.Sprint(i), "")
	}
	if _, retry := ls.place(l); retry != 2*time.Second {
		t.Errorf("10,000 clients are to come back within %s", retry)
	}
}

// A wave of wakes is spread, slower while the gateway is busy, and a client that
// is in it twice is woken once.
func TestAWaveIsSpread(t *testing.T) {
	ls := newLinks()
	for i := range 200 {
		ls.open(fmt.Sprint(i), "")
	}
	ls.apply(contract.Changes{Feed: "f", Next: 1})
	for seq := range int64(2) {
		ls.apply(contract.Changes{Feed: "f", Next: seq + 2, Changes: []contract.TaskChange{{Seq: seq + 2, Task: "t", Change: "started", All: true}}})
	}
	for _, want := range []int{64, 64, 64, 8, 0} {
		if got := ls.release(wakeBatch); got != want {
			t.Errorf("%d are woken, want %d", got, want)
		}
	}
	l, _ := ls.find("7")
	if wakes, _, id := ls.take(l); len(wakes) != 1 || id != "f.3" {
		t.Errorf("took %v, %q", wakes, id)
	}
	// More tasks than a link remembers are a wake without a word.
	many := contract.Changes{Feed: "f", Next: 200}
	for i := range maxNews + 5 {
		many.Changes = append(many.Changes, contract.TaskChange{Task: fmt.Sprint(i), Change: "started", Clients: []string{"7"}})
	}
	ls.apply(many)
	ls.release(wakeBatch)
	if wakes, _, _ := ls.take(l); len(wakes) != maxNews+1 {
		t.Errorf("took %d", len(wakes))
	}
}
