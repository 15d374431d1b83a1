package control

import (
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// asking is a client that runs a, and has just asked the cloud again.
func asking(t *testing.T, room int) *desk {
	d := newDesk(t, room)
	d.Tick(d.now)
	d.offered("a", "b", "c")
	d.launched("a", "1")
	if room > 1 {
		d.launched("b", "2")
	}
	d.is(d.after(10*time.Second), "poll")
	return d
}

// What comes between a poll and its answer.
func TestWhileTheCloudIsAsked(t *testing.T) {
	for name, tc := range map[string]struct {
		room int
		play func(d *desk)
	}{
		"an end is asked about again": {1, func(d *desk) {
			d.is(d.ended("a", "1", Finished), "")
			d.is(d.offered("a", "b"), "poll") // nothing is started by an older answer
			d.is(d.offered("b"), "launch b")
		}},
		"a silent cloud is waited for for a moment": {1, func(d *desk) {
			d.now = d.now.Add(5 * time.Second)
			d.is(d.ended("a", "1", Finished), "")
			d.is(d.after(fresh), "launch b")
			d.is(d.launched("b", "2"), "")
			d.is(d.Unreachable(d.now), "poll") // one at a time
			d.is(d.offered("b", "c"), "")
		}},
		"so is one that answers late": {1, func(d *desk) {
			d.is(d.ended("a", "1", Finished), "")
			d.now = d.now.Add(600 * time.Millisecond)
			d.is(d.offered("a", "b"), "poll")
			d.is(d.after(400*time.Millisecond), "launch b")
			d.is(d.offered("c"), "")
		}},
		"an end after an answer is waited for anew": {1, func(d *desk) {
			d.now = d.now.Add(900 * time.Millisecond)
			d.is(d.ended("a", "1", Finished), "")
			d.is(d.after(fresh), "launch b")
		}},
		"more ends do not prolong the wait": {2, func(d *desk) {
			d.is(d.ended("a", "1", Finished), "")
			d.now = d.now.Add(900 * time.Millisecond)
			d.is(d.ended("b", "2", Finished), "")
			d.is(d.after(100*time.Millisecond), "launch c")
		}},
		"each end is waited for": {2, func(d *desk) {
			d.is(d.ended("a", "1", Finished), "")
			d.is(d.after(fresh), "launch c")
			d.launched("c", "3")
			d.is(d.fails("c", "3", contract.ReasonServerUnreachable), "")
			d.is(d.after(fresh), "launch c")
		}},
		"what lacked something is tried again": {1, func(d *desk) {
			d.is(d.fails("a", "1", contract.ReasonServerUnreachable), "")
			d.offered("a")
			d.is(d.after(fresh), "launch a")
			d.is(d.fails("a", "", contract.ReasonServerUnreachable), "")
			d.is(d.after(fresh), "")
			d.is(d.after(fresh), "launch a") // after 2 s, and the cloud is still silent
			if _, ok := d.Next(); ok {
				d.Error("there is a tick to wait for beside the answer")
			}
		}},
		"a launch is known": {1, func(d *desk) {
			d.ended("a", "1", Finished)
			d.after(fresh)
			d.is(d.launched("b", "2"), "")
			d.is(d.ended("b", "2", Finished), "")
			d.is(d.after(fresh), "launch c")
		}},
		"a stop is obeyed": {1, func(d *desk) {
			d.is(d.Halted("a", "", d.now), "stop a 1")
			d.is(d.ended("a", "1", Stopped), "")
			d.is(d.after(fresh), "launch b")
		}},
		"a stop is not undone by an older answer": {1, func(d *desk) {
			d.is(d.Halted("a", "", d.now), "stop a 1")
			d.is(d.Halted("b", "", d.now), "")
			d.is(d.ended("a", "1", Stopped), "")
			d.is(d.offered("a", "b"), "poll")
			d.is(d.after(fresh), "") // nor when the next one does not come
			d.is(d.Unreachable(d.now), "")
			d.is(d.after(10*time.Second), "poll")
			d.is(d.offered("b"), "launch b") // somebody has started it again
		}},
		"nor is that of a launch": {1, func(d *desk) {
			d.ended("a", "1", Finished)
			d.is(d.after(fresh), "launch b")
			d.is(d.Halted("b", "", d.now), "")
			d.is(d.offered("a", "b"), "poll")
			d.is(d.launched("b", "2"), "stop b 2")
		}},
		"a wake is one more poll, in time": {1, func(d *desk) {
			d.is(d.Woken(d.now), "")
			d.is(d.Woken(d.now), "")
			d.is(d.offered("a", "b"), "poll")
			d.is(d.Woken(d.now), "")
			d.now = d.now.Add(20 * time.Millisecond)
			d.is(d.offered("a", "b"), "")
			d.is(d.after(wakePace-20*time.Millisecond), "poll")
			d.is(d.offered("a", "b"), "")
		}},
		"an answer of a cloud that was away": {1, func(d *desk) {
			d.Unreachable(d.now)
			d.is(d.fails("a", "1", contract.ReasonLost), "poll")
			d.is(d.after(fresh), "launch a offline")
			d.is(d.offered("a"), "")
			d.is(d.launched("a", "2"), "")
		}},
	} {
		t.Run(name, func(t *testing.T) { tc.play(asking(t, tc.room)) })
	}
}

func TestNothingIsStartedByAnAnswerThatIsOlderThanAWake(t *testing.T) {
	d := newDesk(t, 1)
	d.Tick(d.now)
	d.offered()
	d.is(d.Woken(d.now), "poll")
	d.is(d.Woken(d.now), "")
	d.is(d.offered("b"), "") // there may be something before it now
	d.is(d.after(wakePace), "poll")
	d.is(d.offered("a", "b"), "launch a")

	// Unless the next one takes too long.
	d.ended("a", "", Stopped)
	d.now = d.now.Add(990 * time.Millisecond)
	d.woken = d.now
	d.is(d.Woken(d.now), "")
	d.is(d.offered("b"), "")
	d.is(d.after(10*time.Millisecond), "launch b")
	d.is(d.after(wakePace-10*time.Millisecond), "poll")
}

// A client that has just started knows only what an earlier one was told: what the
// cloud has to say of it is waited for.
func TestNothingIsStartedFromDiskBeforeThePollHasFailed(t *testing.T) {
	d := running(t, 1)
	d.reboot()
	d.is(d.Tick(d.now), "poll")
	d.is(d.after(fresh), "")
	d.is(d.Woken(d.now), "")
	d.is(d.Unreachable(d.now), "poll")
	d.is(d.after(fresh), "launch b offline")
}
