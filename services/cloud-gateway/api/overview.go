package api

import (
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// Overview is the federation at a glance. What could not be learnt is empty, and
// Missing says why.
type Overview struct {
	Tasks   contract.TaskCounts `json:"tasks"`
	Clients struct {
		Known     int `json:"known"`
		Seen      int `json:"seen"`       // within the last minute
		RunningOn int `json:"running_on"` // on which a task runs, among the newest 1000 executions
	} `json:"clients"`
	Executions struct {
		Running      int `json:"running"`
		FailedLately int `json:"failed_lately"` // within a day
	} `json:"executions"`
	Broker   BrokerState         `json:"broker"`
	History  HistoryState        `json:"history"`
	Services []baseservice.Info  `json:"services"`
	Running  []history.Execution `json:"running"`  // up to 20, the newest first
	Failures []history.Execution `json:"failures"` // the newest 10
	Version  string              `json:"version"`
	Missing  []string            `json:"missing,omitempty"`
}

// BrokerState tells whether the cloud broker can be reached.
type BrokerState struct {
	Up    bool   `json:"up"`
	Error string `json:"error,omitempty"`
}

// HistoryState tells how much the history holds, and its bounds.
type HistoryState struct {
	Events    int64   `json:"events"`
	First     float64 `json:"first"` // unix seconds; 0: there is none
	Last      float64 `json:"last"`
	LastSeq   int64   `json:"last_seq"`
	Bytes     int64   `json:"bytes"`
	KeepDays  float64 `json:"keep_days"`
	MaxEvents int64   `json:"max_events"`
}

const (
	overviewRunning  = 20
	overviewFailures = 10
)

func (a *API) overview(w http.ResponseWriter, r *http.Request, _ *params) error {
	o := Overview{Tasks: contract.TaskCounts{}, Services: []baseservice.Info{}, Version: a.opt.Version}
	ctx := r.Context()
	if err := a.forward.Session(ctx); err != nil {
		o.Broker.Error = err.Error()
		o.Missing = append(o.Missing, err.Error())
	} else {
		o.Broker.Up = true
		a.askAll(r, &o)
	}
	if err := a.remembered(r, &o); err != nil {
		return err
	}
	return reply(w, http.StatusOK, o)
}

// askAll fills in what the services know, all of them at once.
func (a *API) askAll(r *http.Request, o *Overview) {
	var tasks, users, services error
	var g errgroup.Group
	g.Go(func() error {
		var counts contract.TaskCounts
		if counts, tasks = call(r.Context(), a, contract.CountTasks, contract.None{}); tasks == nil && counts != nil {
			o.Tasks = counts
		}
		return nil
	})
	g.Go(func() error {
		var page contract.UserList
		page, users = call(r.Context(), a, contract.ListUsers, contract.ListRequest{Limit: 1})
		o.Clients.Known = page.Total
		return nil
	})
	g.Go(func() error {
		o.Services, services = a.lately(r.Context())
		return nil
	})
	_ = g.Wait() // each failure is told
	for _, err := range []error{tasks, users, services} {
		if err != nil {
			o.Missing = append(o.Missing, err.Error())
		}
	}
}

// remembered fills in what the history knows.
func (a *API) remembered(r *http.Request, o *Overview) error {
	ctx := r.Context()
	counts, err := a.history.Counts(ctx, a.now())
	if err != nil {
		return err
	}
	o.Clients.Seen, o.Executions.Running, o.Executions.FailedLately = counts.ClientsSeen, counts.Running, counts.FailedLately
	running, _, err := a.history.Executions(ctx, history.ExecutionFilter{State: StatusRunning}, "", maxLimit)
	if err != nil {
		return err
	}
	clients := map[string]bool{}
	for _, e := range running {
		if e.Client != "" {
			clients[e.Client] = true
		}
	}
	o.Clients.RunningOn = len(clients)
	running = running[:min(len(running), overviewRunning)]
	failures, _, err := a.history.Executions(ctx, history.ExecutionFilter{State: StatusFailed}, "", overviewFailures)
	if err != nil {
		return err
	}
	o.Running, o.Failures = list(running), list(failures)
	st, err := a.history.Stats(ctx)
	o.History = HistoryState{Events: st.Events, First: st.First, Last: st.Last, LastSeq: st.LastSeq, Bytes: st.Bytes,
		KeepDays: st.KeepSeconds / 86400, MaxEvents: st.MaxEvents}
	return err
}
