package api

import (
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestStanding(t *testing.T) {
	const now = 1_000_000.0
	state := func(policy string, running []string, held ...contract.QuarantinedFor) *contract.ClientState {
		s := &contract.ClientState{Policy: policy, Quarantined: held}
		for _, id := range running {
			s.Running = append(s.Running, contract.Execution{TaskID: id})
		}
		return s
	}
	ran := func(state contract.State, started float64) *history.Execution {
		return &history.Execution{ExecutionRun: contract.ExecutionRun{State: state, Started: started, Reason: "report_error"}}
	}
	held := contract.QuarantinedFor{TaskID: "T", Reason: "report_error", Until: now + 60}
	endless := contract.QuarantinedFor{TaskID: "T", Reason: "report_error"}
	over := contract.QuarantinedFor{TaskID: "T", Reason: "report_error", Until: now - 1}
	yes, no := contract.ClientChoice{Selected: true}, contract.ClientChoice{Clause: &contract.Clause{Text: "a > 1"}}
	here := now - 5
	for name, tc := range map[string]struct {
		s            standing
		want, detail string
	}{
		"running":                     {standing{running: true, choice: yes, view: history.ClientView{LastSeen: here, State: state("one", []string{"T"})}}, StatusRunning, ""},
		"running when it was last":    {standing{running: true, choice: yes, view: history.ClientView{LastSeen: now - 100, State: state("one", []string{"T"})}}, StatusAway, "100 s ago; it ran"},
		"running, by its execution":   {standing{running: true, choice: yes, view: history.ClientView{LastSeen: here}, last: ran("running", now-9)}, StatusRunning, ""},
		"its state is newer":          {standing{running: true, choice: yes, view: history.ClientView{LastSeen: here, State: state("one", nil)}, last: ran("running", now-9)}, StatusWaiting, ""},
		"running although not chosen": {standing{running: true, choice: no, view: history.ClientView{LastSeen: here, State: state("one", []string{"T"})}}, StatusRunning, ""},
		"quarantined":                 {standing{running: true, choice: yes, view: history.ClientView{LastSeen: here, State: state("one", nil, held)}, last: ran("failed", now-9)}, StatusQuarantined, "after report_error"},
		"quarantine without an end":   {standing{running: true, choice: yes, view: history.ClientView{LastSeen: here, State: state("one", nil, endless)}}, StatusQuarantined, "after report_error"},
		"quarantine is over":          {standing{running: true, choice: yes, view: history.ClientView{LastSeen: here, State: state("one", nil, over)}}, StatusWaiting, ""},
		"finished":                    {standing{running: true, since: now - 20, choice: yes, view: history.ClientView{LastSeen: now - 500}, last: ran("finished", now-10)}, StatusFinished, ""},
		"failed":                      {standing{running: true, since: now - 20, choice: yes, view: history.ClientView{LastSeen: here}, last: ran("failed", now-10)}, StatusFailed, "report_error"},
		"failed in an earlier start":  {standing{running: true, since: now - 20, choice: yes, view: history.ClientView{LastSeen: here}, last: ran("failed", now-100)}, StatusWaiting, ""},
		"its clock lags a little":     {standing{running: true, since: now - 20, choice: yes, view: history.ClientView{LastSeen: here}, last: ran("failed", now-23)}, StatusFailed, "report_error"},
		"finished, task ended":        {standing{since: now - 20, choice: yes, view: history.ClientView{LastSeen: here}, last: ran("finished", now-100)}, StatusFinished, ""},
		"stopped, task ended":         {standing{since: now - 20, choice: yes, view: history.ClientView{LastSeen: here}, last: ran("stopped", now-10)}, StatusTaskNotRunning, ""},
		"task does not run":           {standing{choice: yes, view: history.ClientView{LastSeen: here}}, StatusTaskNotRunning, ""},
		"not selected":                {standing{running: true, choice: no, view: history.ClientView{LastSeen: here}}, StatusNotSelected, ""},
		"not selected and away":       {standing{running: true, choice: no}, StatusNotSelected, ""},
		"never heard of":              {standing{running: true, choice: yes}, StatusAway, "never"},
		"away":                        {standing{running: true, choice: yes, view: history.ClientView{LastSeen: now - 61}}, StatusAway, "61 s ago"},
		"still there":                 {standing{running: true, choice: yes, view: history.ClientView{LastSeen: now - 60}}, StatusWaiting, ""},
		"busy":                        {standing{running: true, choice: yes, view: history.ClientView{LastSeen: here, State: state("one", []string{"U"})}}, StatusBusy, "task U"},
		"takes several":               {standing{running: true, choice: yes, view: history.ClientView{LastSeen: here, State: state("all", []string{"U"})}}, StatusWaiting, ""},
		"waiting":                     {standing{running: true, choice: yes, view: history.ClientView{LastSeen: here, State: state("one", nil)}}, StatusWaiting, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tc.s.task, tc.s.now = "T", now
			got := tc.s.client()
			if got.Status != tc.want || !strings.Contains(got.Detail, tc.detail) {
				t.Errorf("got %s %q, want %s %q", got.Status, got.Detail, tc.want, tc.detail)
			}
			if (got.Quarantine != nil) != (tc.want == StatusQuarantined) {
				t.Errorf("the quarantine is %+v", got.Quarantine)
			}
		})
	}
}
