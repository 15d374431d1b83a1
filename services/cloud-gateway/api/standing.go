package api

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

// How a task stands at a client.
const (
	StatusRunning        = "running"
	StatusFinished       = "finished"
	StatusFailed         = "failed"
	StatusQuarantined    = "quarantined"      // the client keeps it from running
	StatusBusy           = "busy"             // the client runs one task at a time, and that is another
	StatusWaiting        = "waiting"          // it fits, and the client has not asked yet
	StatusAway           = "away"             // nothing was heard of the client lately
	StatusNotSelected    = "not_selected"     // the clause says why
	StatusTaskNotRunning = "task_not_running" // so it is offered to nobody
)

// policyOne is the policy of clients that run one task at a time.
const policyOne = "one"

// clockSlack is how much a client's clock may lag behind the cloud's, in seconds.
const clockSlack = 5

// standing is what is known of a task and a client.
type standing struct {
	task    string
	now     float64 // unix seconds
	running bool    // the task, at the cloud
	since   float64 // the task's last start, unix seconds; 0: not known
	choice  contract.ClientChoice
	view    history.ClientView
	last    *history.Execution // the newest of the task there; nil: none
}

// client says how the task stands there.
func (s standing) client() TaskClient {
	c := TaskClient{ClientChoice: s.choice, LastSeen: s.view.LastSeen, Execution: s.last, Quarantine: s.quarantine()}
	c.Status, c.Detail = s.status()
	return c
}

func (s standing) status() (status, detail string) {
	last := s.current()
	switch held := s.quarantine(); {
	case s.runsIt() && s.away():
		return StatusAway, s.lastSeen() + "; it ran the task then"
	case s.runsIt():
		return StatusRunning, ""
	case held != nil:
		return StatusQuarantined, "after " + string(held.Reason)
	case last != nil && last.State == StatusFinished:
		return StatusFinished, last.Detail
	case last != nil && last.State == StatusFailed:
		return StatusFailed, cmp.Or(last.Detail, string(last.Reason))
	case !s.running:
		return StatusTaskNotRunning, ""
	case !s.choice.Selected:
		return StatusNotSelected, ""
	case s.away():
		return StatusAway, s.lastSeen()
	}
	if other := s.busyWith(); other != "" {
		return StatusBusy, "it runs task " + other + " and takes one at a time"
	}
	return StatusWaiting, ""
}

// current is the newest execution, if it belongs to the task's last start: one of
// an earlier start says nothing of this one.
func (s standing) current() *history.Execution {
	if s.last == nil || s.running && s.last.Started+clockSlack < s.since {
		return nil
	}
	return s.last
}

// runsIt tells whether the client ran the task when it last told.
func (s standing) runsIt() bool {
	if s.view.State != nil {
		return slices.ContainsFunc(s.view.State.Running, func(e contract.Execution) bool { return e.TaskID == s.task })
	}
	return s.last != nil && s.last.State == StatusRunning
}

func (s standing) away() bool { return s.now-s.view.LastSeen > onlineFor }

func (s standing) lastSeen() string {
	if s.view.LastSeen == 0 {
		return "it was never heard of"
	}
	return fmt.Sprintf("it was last heard of %.0f s ago", s.now-s.view.LastSeen)
}

// quarantine is the one that the client holds on the task now.
func (s standing) quarantine() *contract.QuarantinedFor {
	if s.view.State == nil {
		return nil
	}
	for _, held := range s.view.State.Quarantined {
		if held.TaskID == s.task && holds(held, s.now) {
			return &held
		}
	}
	return nil
}

// holds tells whether a quarantine still holds; one without an end has Until 0.
func holds(held contract.QuarantinedFor, now float64) bool {
	return held.Until == 0 || held.Until > now
}

// busyWith is the other task that keeps the client from this one, or "".
func (s standing) busyWith() string {
	if s.view.State == nil || s.view.State.Policy != policyOne {
		return ""
	}
	for _, e := range s.view.State.Running {
		if e.TaskID != s.task {
			return e.TaskID
		}
	}
	return ""
}
