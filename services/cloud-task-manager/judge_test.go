package cloudtaskmanager

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestJudge(t *testing.T) {
	finished := &verdict{state: stateFinished, end: end{reason: contract.ReasonFinished}}
	reported := &verdict{state: stateFailed, end: end{reason: contract.ReasonReportError}}
	stopped := &verdict{state: stateStopped, end: end{reason: contract.ReasonOperatorStop, detail: "asked"}}
	for _, tc := range []struct {
		name    string
		decided *verdict
		exit    supervise.Exit
		state   state
		why     string
	}{
		{"exit 0 without a word", nil, supervise.Exit{Reason: supervise.ReasonExited}, stateFailed, "exited: the process ended without reporting Finished"},
		{"exit 2", nil, supervise.Exit{Reason: supervise.ReasonExitNonzero, Code: 2}, stateFailed, "exit_nonzero: the process ended with exit code 2"},
		{"signal", nil, supervise.Exit{Reason: supervise.ReasonSignaled, Code: -1, Signal: 11}, stateFailed, "signaled: signal 11 (segmentation fault) ended the process"},
		{"memory", nil, supervise.Exit{Reason: supervise.ReasonOOMKilled, Code: -1, Signal: 9}, stateFailed, "oom_killed: the kernel ended the process for want of memory"},
		{"lost", nil, supervise.Exit{Reason: supervise.ReasonLost, Code: -1, Error: "the machine was restarted"}, stateFailed, "lost: the machine was restarted"},
		{"stopped by nobody here", nil, supervise.Exit{Reason: supervise.ReasonStopped, Code: -1}, stateStopped, "service_stopped: an earlier run of the service stopped it"},
		{"finished, then stopped", finished, supervise.Exit{Reason: supervise.ReasonStopped, Code: -1}, stateFinished, "finished"},
		{"finished, then crashed", finished, supervise.Exit{Reason: supervise.ReasonSignaled, Code: -1, Signal: 6}, stateFinished, "finished"},
		{"reported, then exited", reported, supervise.Exit{Reason: supervise.ReasonExited}, stateFailed, "report_error"},
		{"stopped", stopped, supervise.Exit{Reason: supervise.ReasonStopped, Code: -1}, stateStopped, "operator_stop: asked"},
		{"stopped with its shim", stopped, supervise.Exit{Reason: supervise.ReasonLost, Code: -1}, stateStopped, "operator_stop: asked"},
		{"crashed before the stop", stopped, supervise.Exit{Reason: supervise.ReasonExitNonzero, Code: 1}, stateFailed, "exit_nonzero: the process ended with exit code 1"},
	} {
		v := judge(tc.decided, tc.exit)
		if v.state != tc.state || v.end.why() != tc.why {
			t.Errorf("%s: %s, %q, want %s, %q", tc.name, v.state, v.end.why(), tc.state, tc.why)
		}
		if (v.end.code != nil) != (tc.exit.Code >= 0) || (v.end.signal != nil) != (tc.exit.Signal > 0) {
			t.Errorf("%s: code %v, signal %v of %+v", tc.name, v.end.code, v.end.signal, tc.exit)
		}
	}
	if finished.end.code != nil {
		t.Error("judging changed what was decided")
	}
}

func TestBounded(t *testing.T) {
	if got := bounded("short"); got != "short" {
		t.Errorf("got %q", got)
	}
	got := bounded(strings.Repeat("x", textBytes-1) + "äöü")
	if len(got) > textBytes+len(" [cut]") || !utf8.ValidString(got) || !strings.HasSuffix(got, "x [cut]") {
		t.Errorf("got %d bytes that end in %q", len(got), got[len(got)-10:])
	}
}
