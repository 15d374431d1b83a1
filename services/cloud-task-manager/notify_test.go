package cloudtaskmanager

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// changeFollower is a gateway that awaits changes.
type changeFollower struct {
	c    *cloud
	feed string
	next int64
}

// followChanges begins where the feed is now.
func (c *cloud) followChanges() *changeFollower {
	c.Helper()
	f := &changeFollower{c: c}
	if first := f.await(0); len(first) > 0 {
		c.Fatalf("a feed's place came with %v", first)
	}
	return f
}

// await asks once and returns the changes as texts.
func (f *changeFollower) await(seconds float64) (list []string) {
	f.c.Helper()
	answer, err := rpc.Call(f.c.Context(), f.c.caller, contract.AwaitChanges, contract.AwaitChangesRequest{Feed: f.feed, After: f.next, Wait: seconds})
	if err != nil {
		f.c.Fatal(err)
	}
	f.feed, f.next = answer.Feed, answer.Next
	for _, one := range answer.Changes {
		whom := "all"
		if !one.All {
			slices.Sort(one.Clients)
			whom = strings.Join(one.Clients, ",")
		}
		list = append(list, fmt.Sprintf("%s %s: %s", one.Task, one.Change, whom))
	}
	if answer.Missed {
		list = append(list, "missed")
	}
	return list
}

func (f *changeFollower) want(want ...string) {
	f.c.Helper()
	var got []string
	testenv.Eventually(f.c, 20*time.Second, fmt.Sprintf("%q", want), func() bool {
		if len(got) < len(want) {
			got = append(got, f.await(1)...)
		}
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		f.c.Errorf("got %q, want %q", got, want)
	}
}

// acquainted makes a manager of one that has run for a while.
func acquainted(m *manager) { m.seen.began = time.Now().Add(-2 * strangersFor) }

func TestChangesConcernWhomTheyConcern(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	for i, id := range []string{"ann", "bob", "cid"} {
		c.user(contract.User{ID: id, DataQnt: ptr(int64(i * 10)), Sensors: []string{"camera"}})
	}
	c.create("t", "data_qnt >= 10")
	c.file("t", "server.py", preamble+forever)
	f := c.followChanges()
	c.start("t")
	f.want("t started: all") // nobody is known yet
	c.halt("t")
	f.want("t stopped: all")

	acquainted(m)
	c.offered("ann")
	c.offered("bob")
	c.start("t")
	f.want("t started: bob") // ann does not fit, cid has never asked
	c.halt("t")
	f.want("t stopped: ") // nobody was offered it

	c.start("t")
	c.offered("ann")
	c.offered("bob")
	f.want("t started: bob")
	if _, err := c.call(contract.UpdateTask.Name, `{"task_id":"t","selection_criteria":"data_qnt < 10"}`); err != nil {
		t.Fatal(err)
	}
	f.want("t updated: ann,bob") // one gets it, one had it
	c.halt("t")
	f.want("t stopped: bob")
	if _, err := c.call(contract.UpdateTask.Name, `{"task_id":"t","port":1}`); err != nil {
		t.Fatal(err)
	}
	if got := f.await(0.1); len(got) > 0 { // a task that does not run
		t.Errorf("got %q", got)
	}
}

func TestAnEndIsToldAsSuch(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	acquainted(m)
	c.user(contract.User{ID: "u"})
	c.task("t", "sys.exit(1)")
	f := c.followChanges()
	c.start("t")
	c.becomes("t", stateFailed)
	got := f.await(1)
	for len(got) < 2 {
		got = append(got, f.await(1)...)
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], "t started") || !strings.HasPrefix(got[1], "t ended") {
		t.Errorf("got %q", got)
	}
}

// A gateway that was away hears what it missed, and of a new service all.
func TestChangesOverBreaks(t *testing.T) {
	c := newCloud(t)
	m := c.manager()
	c.task("t", forever)
	f := c.followChanges()
	c.start("t")
	c.halt("t")
	f.want("t started: all", "t stopped: all")
	waiting := make(chan error, 1)
	go func() {
		_, err := rpc.Call(t.Context(), c.caller, contract.AwaitChanges, contract.AwaitChangesRequest{Feed: f.feed, After: f.next, Wait: 20})
		waiting <- err
	}()
	time.Sleep(50 * time.Millisecond)
	began := time.Now()
	m.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %s: it waited for who awaits changes", took)
	}
	if err := <-waiting; rpc.CodeOf(err) != rpc.Unavailable {
		t.Errorf("who awaited changes at the stop got %v", err)
	}
	c.manager()
	c.start("t")
	f.want("t started: all")
}

func TestTheFeedIsBounded(t *testing.T) {
	f := newFeed()
	many := make([]string, maxConcerned/4)
	for i := range 6 {
		f.push(contract.TaskChange{Task: fmt.Sprint(i), Clients: many}, nil)
	}
	if answer, found, _, _ := f.since(f.name, 0); len(found) != 4 || !answer.Missed || answer.Next != 6 {
		t.Errorf("%d changes of 6 are kept, missed %t", len(found), answer.Missed)
	}
	for range 2 * maxChanges {
		f.push(contract.TaskChange{}, nil)
	}
	answer, found, _, _ := f.since(f.name, 6+maxChanges)
	if len(found) != maxChanges || answer.Missed || f.named != 0 {
		t.Errorf("%d changes, missed %t, %d clients", len(found), answer.Missed, f.named)
	}
	if answer, found, _, _ := f.since("another", 1000); len(found) != maxChanges || answer.Feed != f.name || !answer.Missed {
		t.Errorf("of another feed: %d changes, missed %t", len(found), answer.Missed)
	}
}

func TestClientsThatAreRemembered(t *testing.T) {
	s := seen{began: time.Now().Add(-time.Hour)}
	heavy := map[string]any{"x": []any{strings.Repeat("y", maxWeight)}}
	s.answered("heavy", heavy, nil)
	o, err := newOffer(&task{id: "t", selectionCriteria: "x == 1"})
	if err != nil {
		t.Fatal(err)
	}
	s.answered("fits", map[string]any{"x": 1}, nil)
	s.answered("lacks", map[string]any{}, nil)
	ids, all := s.may(o)
	if slices.Sort(ids); !slices.Equal(ids, []string{"fits", "heavy"}) || all {
		t.Errorf("got %q, %t", ids, all)
	}
	for i := range maxSeen + 10 {
		s.answered(fmt.Sprint(i), nil, nil)
	}
	if n := len(s.byID); n != maxSeen {
		t.Errorf("%d clients are remembered", n)
	}
}

// BenchmarkConcerned is how long it takes to find out whom the start of a task
// concerns, of 10,000 clients.
func BenchmarkConcerned(b *testing.B) {
	s := seen{began: time.Now().Add(-time.Hour)}
	for i := range 10_000 {
		s.answered(fmt.Sprint("client-", i), names(user{User: contract.User{ID: fmt.Sprint("client-", i), DataQnt: ptr(int64(i % 100)), Sensors: []string{"camera"}}}),
			[]contract.OfferedTask{{ID: "other"}})
	}
	o, err := newOffer(&task{id: "t", selectionCriteria: `(data_qnt > 50) and ("camera" in sensors)`})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("started", func(b *testing.B) {
		for b.Loop() {
			if ids, _ := s.may(o); len(ids) != 4900 {
				b.Fatal(len(ids))
			}
		}
	})
	b.Run("stopped", func(b *testing.B) {
		for b.Loop() {
			if ids, _ := s.had("other"); len(ids) != 10_000 {
				b.Fatal(len(ids))
			}
		}
	})
}

// A feed that follows a table: what is not told only takes its place, what comes
// again is passed over, and a gap is missed by those who were before it.
func TestFeedOfATable(t *testing.T) {
	f := newFeed()
	add := func(seq int64, tell bool) {
		f.add(change{TaskChange: contract.TaskChange{Seq: seq, Task: fmt.Sprint(seq), Change: contract.ChangeUpdated, All: true}, at: time.Now()}, tell)
	}
	check := func(after int64, missed bool, want ...int64) {
		t.Helper()
		answer, found, _, _ := f.since("table", after)
		var got []int64
		for _, c := range found {
			got = append(got, c.Seq)
		}
		if !slices.Equal(got, want) || answer.Missed != missed {
			t.Errorf("after %d: %v, missed %t; want %v, %t", after, got, answer.Missed, want, missed)
		}
	}
	f.begin("table", 7)
	add(5, true)
	add(6, false)
	add(7, true)
	add(7, true)
	check(4, false, 5, 7)
	check(5, false, 7)
	check(6, false, 7)
	check(7, false)
	check(3, true, 5, 7)
	add(8, false)
	check(7, false)
	add(20, true) // it was away
	check(7, true, 20)
	check(19, false, 20)
	f.begin("table", 10) // the table went back
	add(10, true)
	add(11, true)
	check(10, false, 11)
	check(9, false, 10, 11)
	check(8, true, 10, 11)
	for seq := int64(12); seq < 12+maxChanges; seq++ {
		add(seq, true)
	}
	if answer, found, _, _ := f.since("table", 10); !answer.Missed || len(found) != maxChanges {
		t.Errorf("of many: %d, missed %t", len(found), answer.Missed)
	}
}
