package control

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

// reboot gives the next client what the last one left, as it is on disk.
func (d *desk) reboot() {
	d.Helper()
	b, err := json.Marshal(d.State())
	if err != nil {
		d.Fatal(err)
	}
	if strings.Contains(string(b), "secret") {
		d.Errorf("a password is on disk: %s", b)
	}
	var s State
	if err := json.Unmarshal(b, &s); err != nil {
		d.Fatal(err)
	}
	d.restart(s)
}

// running is a client that runs b, has finished a, and was offered c as well.
func running(t *testing.T, room int) *desk {
	d := newDesk(t, room)
	d.Tick(d.now)
	d.offered("a", "b", "c")
	d.launched("a", "1")
	d.ended("a", "1", Finished)
	d.offered("a", "b", "c")
	d.launched("b", "2")
	return d
}

func TestAClientStartsFromDisk(t *testing.T) {
	d := running(t, 1)
	d.reboot()
	d.is(d.Tick(d.now), "poll") // the cloud is asked first
	d.is(d.Unreachable(d.now), "launch b offline")
	d.is(d.launched("b", "3"), "")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.Unreachable(d.now), "")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("a", "b", "c"), "") // the same execution goes on
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("c"), "")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("c"), "stop b 3")
}

func TestNothingElseStartsFromDisk(t *testing.T) {
	for name, spoil := range map[string]func(d *desk){
		"it is held": func(d *desk) { d.fails("b", "2", contract.ReasonReportError) },
		"it was held, and no more": func(d *desk) {
			d.fails("b", "2", contract.ReasonReportError)
			d.quarantine.Release("b")
		},
		"it has finished":  func(d *desk) { d.ended("b", "2", Finished) },
		"it was stopped":   func(d *desk) { d.ended("b", "2", Stopped) },
		"it was too late":  func(d *desk) { d.now = d.now.Add(OfflineFor) },
		"it never ran":     func(d *desk) { d.restart(State{}) },
		"it is not there":  func(d *desk) { d.offered() },
		"it is taken over": nil,
		"it is refused":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			d := running(t, 2)
			if spoil != nil {
				spoil(d)
			}
			d.reboot()
			switch name {
			case "it is taken over":
				d.Adopt("b", "2")
			case "it is refused":
				d.Tick(d.now)
				d.is(d.Refused(d.now), "")
				return
			}
			d.Tick(d.now)
			d.is(d.Unreachable(d.now), "")
			d.is(d.after(10*time.Second), "poll")
			d.is(d.Unreachable(d.now), "")
		})
	}
}

func TestALostTaskStartsFromDiskWithoutWaitingForTheCloud(t *testing.T) {
	d := running(t, 1)
	d.reboot()
	d.Adopt("b", "2") // what a reboot leaves
	d.is(d.fails("b", "2", contract.ReasonLost), "poll")
	d.now = d.now.Add(500 * time.Millisecond)
	d.is(d.Unreachable(d.now), "")
	d.is(d.after(500*time.Millisecond), "launch b offline")
	d.is(d.Tick(d.now), "")
}

func TestFilesThatAreNotOnDiskWaitForTheCloud(t *testing.T) {
	d := running(t, 1)
	d.reboot()
	d.Tick(d.now)
	d.is(d.Unreachable(d.now), "launch b offline")
	d.is(d.ended("b", "", NotOnDisk), "")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.Unreachable(d.now), "")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.offered("b"), "launch b")
}

// Another version of it is held: whether this one is, its files tell.
func TestAMendedTaskStartsFromDisk(t *testing.T) {
	d := running(t, 1)
	d.quarantine.Fail(d.now, policy.Key{Task: "b", Digest: "before"}, contract.ReasonSignaled)
	d.reboot()
	d.Tick(d.now)
	d.is(d.Unreachable(d.now), "launch b again offline")
	d.is(d.ended("b", "", Kept), "")
}

// What waited for another try had lost its place.
func TestWhatRanLastStartsFromDisk(t *testing.T) {
	d := running(t, 1)
	d.fails("b", "2", contract.ReasonServerUnreachable)
	d.is(d.offered("b", "c"), "launch c")
	d.launched("c", "3")
	d.reboot()
	d.Tick(d.now)
	d.is(d.Unreachable(d.now), "launch c offline")
}

// A clock that starts at an old date, as without a battery, holds nothing back.
func TestTheClockMayGoBack(t *testing.T) {
	d := running(t, 1)
	before := d.now
	d.now = time.Unix(1000, 0)
	d.reboot()
	d.Tick(d.now)
	d.is(d.Unreachable(d.now), "launch b offline")
	d.ended("b", "", NotOnDisk)
	d.after(10 * time.Second)
	d.is(d.offered("a"), "") // finished
	d.now = d.now.Add(31 * time.Second)
	d.Tick(d.now)
	d.is(d.offered("a"), "launch a")
	if d.now.After(before) {
		t.Error("the clock went forward")
	}
}

// While the cloud is away only what ran starts from disk; the rest is fetched.
func TestACloudThatWentAway(t *testing.T) {
	d := running(t, 2)
	d.launched("c", "3")
	d.is(d.after(10*time.Second), "poll")
	d.is(d.Unreachable(d.now), "")
	d.is(d.fails("b", "2", contract.ReasonLost), "poll")
	d.is(d.Unreachable(d.now), "")
	d.is(d.after(time.Second), "launch b offline")
	d.is(d.ended("b", "", NotOnDisk), "launch b")
}
