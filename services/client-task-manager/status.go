package clienttaskmanager

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// status is what others may know of the loop.
type status struct {
	mu        sync.Mutex
	running   []contract.Execution
	lastError string
	stalled   map[string]float64 // by execution: since when, unix seconds
}

// mark notes that an execution makes no progress since a moment, or makes some
// again (0).
func (st *status) mark(execution string, since float64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if since == 0 {
		delete(st.stalled, execution)
		return
	}
	if st.stalled == nil {
		st.stalled = map[string]float64{}
	}
	st.stalled[execution] = since
}

func (st *status) failed(err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.lastError = ""
	if err != nil {
		st.lastError = err.Error()
	}
}

// publish shows what runs to those who ask, and to the cloud's history.
func (l *loop) publish(ctx context.Context) {
	list := make([]contract.Execution, 0, len(l.running))
	for id, e := range l.running {
		list = append(list, contract.Execution{
			TaskID: id, ExecutionID: e.proc.ID(), PID: e.proc.PID(), State: contract.StateRunning,
			Started: unix(e.proc.StartedAt()),
		})
	}
	slices.SortFunc(list, func(a, b contract.Execution) int { return strings.Compare(a.TaskID, b.TaskID) })
	l.s.status.mu.Lock()
	l.s.status.running = list
	l.s.status.mu.Unlock()
	l.s.tellState(ctx)
}

func (s *Service) clientStatus(context.Context, contract.None) (contract.ClientState, error) {
	return s.clientState(), nil
}

func (s *Service) clientState() contract.ClientState {
	s.status.mu.Lock()
	defer s.status.mu.Unlock()
	state := contract.ClientState{
		UserID: s.opt.UserID, Policy: s.opt.Policy, Running: slices.Clone(s.status.running), LastError: s.status.lastError,
		Quarantined: []contract.QuarantinedFor{},
	}
	for i, e := range state.Running {
		state.Running[i].StalledSince = s.status.stalled[e.ExecutionID]
	}
	for _, q := range s.quarantine.entries() {
		if !q.Held {
			continue
		}
		state.Quarantined = append(state.Quarantined, contract.QuarantinedFor{
			TaskID: q.Task, Digest: q.Digest, Reason: q.Reason, Since: unix(q.Since), Until: unix(q.Until),
		})
	}
	return state
}

// releaseTask ends a task's quarantine.
func (s *Service) releaseTask(ctx context.Context, req contract.TaskIDRequest) (contract.None, error) {
	if s.quarantine.release(req.TaskID) == 0 {
		return contract.None{}, rpc.Errorf(rpc.NotFound, "task %s is not in quarantine on this client", req.TaskID)
	}
	s.log.Info("released from quarantine by an operator", "task_id", req.TaskID)
	s.wakes.put(contract.WakeRequest{}) // and tried again at once
	s.tellState(ctx)
	return contract.None{}, nil
}

type metrics struct {
	registerer prometheus.Registerer

	launched prometheus.Counter
	ended    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	l := prometheus.Labels{"side": "client"}
	m := &metrics{
		registerer: reg,
		launched:   prometheus.NewCounter(prometheus.CounterOpts{Name: "agata_executions_started_total", Help: "Task processes started.", ConstLabels: l}),
		ended:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "agata_executions_ended_total", Help: "Task processes ended.", ConstLabels: l}, []string{"reason"}),
	}
	if reg != nil {
		reg.MustRegister(m.launched, m.ended)
	}
	return m
}

// watch tells of the processes.
func (m *metrics) watch(procs *supervise.Manager) {
	if m.registerer != nil {
		m.registerer.MustRegister(launch.NewWarmGauge(launch.Client, procs))
	}
}

// unix is a time in seconds, 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1e3
}
