package control

import (
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestAWakeAsksAtOnce(t *testing.T) {
	d := newDesk(t, 1)
	d.Tick(d.now)
	d.offered("a")
	d.launched("a", "1")
	d.is(d.Woken(d.now), "poll")
	d.is(d.Woken(d.now), "")
	d.is(d.Woken(d.now), "")
	d.is(d.offered("a"), "")
	d.is(d.after(wakePace), "poll") // for all that came meanwhile
	d.is(d.offered("a"), "")
	d.is(d.Woken(d.now), "") // too soon after the last
	d.is(d.Woken(d.now), "")
	d.is(d.after(wakePace), "poll")
	d.is(d.offered("a"), "")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("a"), "")
}

func TestAStopIsObeyedAsItStands(t *testing.T) {
	d := newDesk(t, 2)
	d.Tick(d.now)
	d.is(d.offered("a", "b"), "launch a, launch b")
	d.launched("a", "1")
	d.is(d.Halted("a", "", d.now), "stop a 1")
	d.is(d.Halted("a", "", d.now), "")
	d.is(d.Halted("b", "", d.now), "") // its launch is under way
	d.is(d.launched("b", "2"), "stop b 2")
	d.is(d.Halted("unknown", "", d.now), "")
	if s := d.State(); len(s.Running)+len(s.Offers) != 0 {
		t.Errorf("to be found after a restart: %+v", s)
	}
	d.is(d.ended("a", "1", Stopped), "poll")
	d.is(d.Unreachable(d.now), "") // the last answer counts no more
	d.is(d.ended("b", "2", Stopped), "poll")
	d.is(d.offered("a"), "launch a") // somebody has started it again
	d.is(d.launched("a", "3"), "")
}

func TestAnAnswerOnItsWayDoesNotUndoAStop(t *testing.T) {
	d := newDesk(t, 1)
	d.Tick(d.now)
	d.is(d.Halted("a", "", d.now), "")
	d.is(d.offered("a"), "poll") // it may be of before
	d.is(d.offered(), "")
}

func TestAChangedTaskIsTriedWithTheNextAnswer(t *testing.T) {
	d := newDesk(t, 1)
	d.Tick(d.now)
	d.offered("a")
	d.launched("a", "1")
	d.fails("a", "1", contract.ReasonReportError)
	d.is(d.offered("a"), "")
	d.Changed("a")
	d.Changed("unknown")
	d.is(d.Woken(d.now), "poll")
	d.is(d.offered("a"), "launch a again")
}

func TestABusyCloudIsLeftAlone(t *testing.T) {
	d := newDesk(t, 1)
	d.Tick(d.now)
	d.offered()
	d.Busy(d.now, d.now.Add(25*time.Second))
	d.is(d.after(25*time.Second), "poll")
	d.Busy(d.now, d.now.Add(time.Hour))
	d.offered()
	d.is(d.after(maxStretch*10*time.Second), "poll") // within bounds
	d.offered()
	d.is(d.Woken(d.now), "poll") // a wake is obeyed all the same
}

// Clients that lost the same cloud do not ask it at the same moments.
func TestAClientWithoutAnAnswerAsksMoreOrLessLate(t *testing.T) {
	d := newDesk(t, 1)
	chance := 0.0
	d.opt.Random = func() float64 { return chance }
	d.Tick(d.now)
	d.Unreachable(d.now)
	d.is(d.after(5*time.Second), "poll")
	chance = 0.9
	d.Unreachable(d.now)
	d.is(d.after(14*time.Second), "poll")
}

func TestAStopThatComesLate(t *testing.T) {
	d := newDesk(t, 1)
	of := func(server string) []Action {
		return d.Offered(d.now, []contract.OfferedTask{{ID: "a", Execution: server}})
	}
	d.Tick(d.now)
	d.is(of("1"), "launch a")
	d.launched("a", "e1")
	d.is(d.after(10*time.Second), "poll")
	d.is(of("2"), "")
	d.is(d.Halted("a", "1", d.now), "stop a e1") // it was begun for that one
	d.is(d.ended("a", "e1", Stopped), "poll")
	d.is(d.after(fresh), "launch a") // the newer one is on offer all the same
	d.is(d.launched("a", "e2"), "")
	d.is(d.Halted("a", "1", d.now), "")
	d.is(of("2"), "poll") // it may have been of before the stop
	d.is(d.Halted("a", "1", d.now), "")
	d.is(of("2"), "")
	d.is(d.Halted("a", "2", d.now), "stop a e2")
	d.is(d.ended("a", "e2", Stopped), "poll")
	d.is(of("2"), "launch a")
}

// The offers of an open cloud name no execution of the server: when the poll began
// that brought one decides.
func TestAStopThatComesLateFromAnOpenCloud(t *testing.T) {
	d := newDesk(t, 1)
	began := d.now
	d.Tick(d.now)
	d.is(d.offered("a"), "launch a")
	d.launched("a", "e1")
	d.now = d.now.Add(time.Second)
	stopped := d.now
	d.is(d.after(9*time.Second), "poll")
	d.is(d.Halted("a", "1", stopped), "stop a e1") // nothing newer is on offer yet
	d.is(d.offered("a"), "poll")                   // but here: the poll began after the stop
	d.is(d.ended("a", "e1", Stopped), "")
	d.is(d.offered("a"), "poll") // it may have been of before the end
	d.is(d.offered("a"), "launch a")
	d.is(d.launched("a", "e2"), "")
	d.is(d.Halted("a", "1", stopped), "")
	d.is(d.Halted("a", "1", began), "")
	d.is(d.Halted("a", "2", d.now), "stop a e2")
	d.is(d.ended("a", "e2", Stopped), "poll")
	d.is(d.offered("a"), "launch a") // it was started again
}
