package control

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

// desk is a client whose driver is the test: it remembers what is to be done as
// words, and its clock is moved by hand.
type desk struct {
	*testing.T
	*Client
	now        time.Time
	quarantine *Quarantine
	room       int
}

func newDesk(t *testing.T, room int) *desk {
	d := &desk{T: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), quarantine: NewQuarantine(time.Time{}, time.Hour, 2, nil), room: room}
	d.restart(State{})
	return d
}

// restart begins with what an earlier client has left.
func (d *desk) restart(s State) {
	d.Helper()
	var err error
	d.Client, err = NewClient(d.now, Options{Interval: 10 * time.Second, Room: d.room, Random: func() float64 { return 0.5 }, Quarantine: d.quarantine}, s)
	if err != nil {
		d.Fatal(err)
	}
}

func words(actions []Action) string {
	var list []string
	for _, a := range actions {
		switch a.Kind {
		case Poll:
			list = append(list, "poll")
		case Launch:
			word := "launch " + a.Task.ID
			if a.Again {
				word += " again"
			}
			if a.Offline {
				word += " offline"
			}
			list = append(list, word)
		case Stop:
			list = append(list, fmt.Sprintf("stop %s %s", a.TaskID, a.Execution))
		}
	}
	return strings.Join(list, ", ")
}

func (d *desk) is(actions []Action, want string) {
	d.Helper()
	if got := words(actions); got != want {
		d.Errorf("to be done: %q, want %q", got, want)
	}
}

// after moves the clock to the next Tick, which must be that far away.
func (d *desk) after(wait time.Duration) []Action {
	d.Helper()
	at, ok := d.Next()
	if !ok || at.Sub(d.now) != wait {
		d.Errorf("the next tick is in %v (%v), want %v", at.Sub(d.now), ok, wait)
	}
	d.now = d.now.Add(wait)
	return d.Tick(d.now)
}

func offers(ids ...string) []contract.OfferedTask {
	list := []contract.OfferedTask{}
	for _, id := range ids {
		list = append(list, contract.OfferedTask{ID: id, Host: "h", Port: 1, Username: "u", Password: "secret", FilesPaths: []string{"client.py"}})
	}
	return list
}

func (d *desk) offered(ids ...string) []Action { return d.Offered(d.now, offers(ids...)) }
func (d *desk) launched(id, execution string) []Action {
	return d.Launched(d.now, id, execution)
}
func (d *desk) ended(id, execution string, r Result) []Action {
	return d.Ended(d.now, Outcome{Task: id, Execution: execution, Result: r, Reason: contract.ReasonLost})
}

// fails lets an execution fail by a reason.
func (d *desk) fails(id, execution string, reason policy.Reason) []Action {
	held := d.quarantine.Fail(d.now, policy.Key{Task: id, Digest: "1"}, reason)
	return d.Ended(d.now, Outcome{Task: id, Execution: execution, Result: Failed, Reason: reason, Held: held})
}

func TestAFinishedTaskMakesRoom(t *testing.T) {
	d := newDesk(t, 1)
	d.is(d.Tick(d.now), "poll")
	d.is(d.Tick(d.now), "") // one poll at a time
	d.is(d.offered("a", "b"), "launch a")
	d.is(d.launched("a", "1"), "")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("a", "b"), "")
	d.is(d.ended("a", "other", Finished), "") // of no execution of ours
	d.is(d.ended("a", "1", Finished), "poll")
	d.is(d.offered("a", "b"), "launch b") // a is not run again
	d.launched("b", "2")
	d.is(d.ended("b", "2", Finished), "poll")
	d.is(d.offered("a", "b"), "")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("b"), "") // the server of a has gone
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("a", "b"), "launch a") // and has come again
	d.launched("a", "3")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("a", "b"), "")
}

func TestAFinishedTaskIsRunAgainIfItsServerDoesNotNotice(t *testing.T) {
	d := newDesk(t, 1)
	d.Tick(d.now)
	d.offered("a")
	d.launched("a", "1")
	d.ended("a", "1", Finished)
	d.is(d.offered("a"), "")
	for range 2 {
		d.is(d.after(10*time.Second), "poll")
		d.is(d.offered("a"), "")
	}
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("a"), "launch a")
}

func TestAllRunUpToTheBound(t *testing.T) {
	d := newDesk(t, 2)
	d.Tick(d.now)
	d.is(d.offered("a", "b", "c"), "launch a, launch b")
	d.is(d.launched("a", "1"), "")
	d.quarantine.Fail(d.now, policy.Key{Task: "b", Digest: "1"}, contract.ReasonSignaled)
	d.is(d.ended("b", "", Kept), "launch c")
	d.is(d.launched("c", "2"), "")
}

func TestWhatIsOfferedNoMoreIsStopped(t *testing.T) {
	d := newDesk(t, 2)
	d.Tick(d.now)
	d.offered("a", "b")
	d.launched("a", "1")
	d.launched("b", "2")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("b"), "") // its server may be restarting
	d.after(10 * time.Second)
	d.is(d.offered("a", "b"), "")
	d.after(10 * time.Second)
	d.is(d.offered(), "")
	d.after(10 * time.Second)
	d.is(d.Unreachable(d.now), "") // which says nothing
	d.after(10 * time.Second)
	d.is(d.offered(), "stop a 1, stop b 2")
	d.after(10 * time.Second)
	d.is(d.offered("a"), "") // once is enough, and there is no way back
	d.is(d.ended("a", "1", Stopped), "poll")
	d.is(d.offered("a"), "launch a")
}

func TestAHeldTaskIsLookedAtOnceAnInterval(t *testing.T) {
	d := newDesk(t, 1)
	d.Tick(d.now)
	d.offered("a", "b")
	d.launched("a", "1")
	d.is(d.fails("a", "1", contract.ReasonReportError), "poll")
	d.is(d.offered("a"), "")
	for range 3 {
		d.is(d.after(10*time.Second), "poll")
		d.is(d.offered("a"), "launch a again")
		d.now = d.now.Add(time.Second)
		d.is(d.ended("a", "", Kept), "")
		d.now = d.now.Add(-time.Second)
	}
	d.quarantine.Release("a")
	d.is(d.Woken(d.now), "poll")
	d.is(d.offered("a"), "launch a")
}

func TestWhatFailsForWantOfSomethingElseIsTriedAgain(t *testing.T) {
	d := newDesk(t, 1)
	d.Tick(d.now)
	d.offered("a")
	for i, wait := range []time.Duration{time.Second, 2 * time.Second} {
		d.launched("a", fmt.Sprint(i))
		d.is(d.fails("a", fmt.Sprint(i), contract.ReasonServerUnreachable), "poll")
		d.is(d.offered("a"), "")
		d.is(d.after(wait), "poll")
		d.is(d.offered("a"), "launch a")
	}
	d.launched("a", "3")
	d.is(d.fails("a", "3", contract.ReasonServerUnreachable), "poll") // the third: it is held for a while
	d.is(d.offered("a"), "")
	d.now = d.now.Add(time.Minute)
	d.is(d.Tick(d.now), "poll")
	d.is(d.offered("a"), "launch a")
}

func TestAdoption(t *testing.T) {
	d := newDesk(t, 1)
	if !d.Adopt("a", "1") || d.Adopt("a", "2") {
		t.Error("one execution of a task is adopted, and no second")
	}
	d.is(d.Tick(d.now), "poll")
	d.is(d.offered("a", "b"), "")
	d.is(d.ended("a", "2", Failed), "")
	d.is(d.ended("a", "1", Finished), "poll")
	d.is(d.offered("a", "b"), "launch b")
}

// A client that is killed between the end of an execution and its own State is
// told of it by the next one's driver.
func TestRecall(t *testing.T) {
	for name, tc := range map[string]struct {
		end   Outcome
		ago   time.Duration
		wants string
	}{
		"finished just now": {Outcome{Task: "a", Result: Finished}, 20 * time.Second, ""},
		"finished long ago": {Outcome{Task: "a", Result: Finished}, time.Hour, "launch a"},
		"held":              {Outcome{Task: "a", Result: Failed, Held: true, Reason: contract.ReasonSignaled}, 0, "launch a"},
		"to be tried again": {Outcome{Task: "a", Result: Failed, Reason: contract.ReasonLost}, 0, "launch a"},
		"a clock gone back": {Outcome{Task: "a", Result: Finished}, -time.Hour, "launch a"},
		"another one's":     {Outcome{Task: "b", Result: Finished}, 0, "launch a"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, 1)
			d.Tick(d.now)
			d.offered("a")
			d.launched("a", "1")
			before := d.State()
			d.restart(before)
			d.Recall(d.now, d.now.Add(-tc.ago), tc.end)
			wanted := tc.end.Task == "b" || tc.end.Result == Failed && !tc.end.Held
			if got := len(d.State().Running) == 1; got != wanted {
				t.Errorf("it is to start from disk: %v", got)
			}
			d.Tick(d.now)
			d.is(d.offered("a"), tc.wants)
		})
	}
}

func TestTheStateIsSavedWhenItMatters(t *testing.T) {
	d := newDesk(t, 2)
	unsaved := func(want bool, when string) {
		t.Helper()
		if got := d.Unsaved(); got != want {
			t.Errorf("%s: to be saved: %v", when, got)
		}
	}
	unsaved(false, "at first")
	d.Tick(d.now)
	d.offered("a", "b")
	unsaved(true, "with offers")
	unsaved(false, "with nothing new")
	d.launched("a", "1")
	unsaved(true, "with a task that runs")
	d.after(10 * time.Second)
	d.offered("a", "b")
	unsaved(false, "with the same offers")
	d.after(10 * time.Second)
	changed := offers("a", "b")
	arguments := "--rounds 3"
	changed[1].ClientArguments = &arguments
	d.Offered(d.now, changed)
	unsaved(true, "with other arguments")
	d.ended("a", "1", Finished)
	unsaved(true, "with a finished task")
	s := d.State()
	if len(s.Running) != 0 || s.Finished["a"].IsZero() || *s.Offers[1].ClientArguments != arguments {
		t.Errorf("to be saved: %+v", s)
	}
	d.Offered(d.now, changed)
	d.now = d.now.Add(heardEvery)
	d.Tick(d.now)
	d.Offered(d.now, changed)
	unsaved(true, "after an hour")
}

func TestNewClientWantsItsOptions(t *testing.T) {
	good := Options{Interval: time.Second, Room: 1, Random: func() float64 { return 0 }, Quarantine: NewQuarantine(time.Time{}, 0, 1, nil)}
	for name, spoil := range map[string]func(*Options){
		"interval":   func(o *Options) { o.Interval = 0 },
		"room":       func(o *Options) { o.Room = 0 },
		"randomness": func(o *Options) { o.Random = nil },
		"quarantine": func(o *Options) { o.Quarantine = nil },
	} {
		o := good
		spoil(&o)
		if _, err := NewClient(time.Time{}, o, State{}); err == nil {
			t.Errorf("a client without %s is made", name)
		}
	}
}

func TestTheQuarantineIsOfOneVersion(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	q := NewQuarantine(now, time.Hour, 2, nil)
	key := policy.Key{Task: "a", Digest: "1"}
	if !q.Fail(now, key, contract.ReasonSignaled) || !q.Holds(now, key) || q.Holds(now, policy.Key{Task: "a", Digest: "2"}) || q.Holds(now.Add(time.Hour), key) {
		t.Error("a failure of the code does not hold this version for an hour")
	}
	q.Fail(now, key, contract.ReasonSignaled)
	q = NewQuarantine(now, time.Hour, 2, q.Entries(now))
	if !q.Holds(now, key) || q.Succeed(now, policy.Key{Task: "a"}) || !q.Succeed(now, key) || q.Holds(now, key) {
		t.Error("it is not kept, or not forgotten")
	}
	q.Fail(now, key, contract.ReasonSignaled)
	if held := slices.Collect(func(yield func(string) bool) {
		for id := range q.tasks(now) {
			if !yield(id) {
				return
			}
		}
	}); !slices.Equal(held, []string{"a"}) || q.Release("a") != 1 || q.tasks(now) != nil {
		t.Error("a release does not end it")
	}
}
