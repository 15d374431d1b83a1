package cloudtaskmanager

import (
	"maps"
	"slices"
	"sync"

	"golang.org/x/time/rate"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
)

// run is one execution of a task's server side, from the moment its process is
// there until its end is recorded.
type run struct {
	taskID string
	dir    string // of the task
	proc   *supervise.Process
	done   chan struct{} // closed when the end is recorded, or the process was left running

	mu      sync.Mutex
	decided *verdict // what it will have ended as; nil while nothing is decided

	// The follower's own.
	seen          map[supervise.Stream]supervise.Line // the last line of each stream
	stalled       float64                             // since when the record says that it makes no progress
	round         string                              // the last result, and whether it waits to be stored
	acc           string
	unsaved       bool
	events        *rate.Limiter
	dropped       bool          // an event was given up
	rounds        *rate.Limiter // of those told to the history
	roundsDropped bool          // one was not told
	triggers      chan struct{} // one token a running trigger
}

// maxTriggers bounds the triggers of one task that run at once.
const maxTriggers = 4

func newRun(taskID, dir string, proc *supervise.Process) *run {
	return &run{
		taskID: taskID, dir: dir, proc: proc, done: make(chan struct{}),
		seen:   map[supervise.Stream]supervise.Line{},
		events: launch.NewEventLimiter(), rounds: newRoundLimiter(), triggers: make(chan struct{}, maxTriggers),
	}
}

// about is what the timeline says of it.
func (r *run) about() contract.About {
	return contract.About{Task: r.taskID, Execution: r.proc.ID()}
}

// decide settles how the execution ends. The first to decide is right; false
// tells that it was another.
func (r *run) decide(v verdict) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.decided != nil {
		return false
	}
	r.decided = &v
	return true
}

// verdict returns what was decided; nil if nothing was.
func (r *run) verdict() *verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.decided
}

// runs knows the running tasks, and the last execution of those that ran.
type runs struct {
	mu      sync.Mutex
	running map[string]*run
	last    map[string]*supervise.Process // ended; kept for its output until the next start
}

// get returns a running task's execution; nil if the task does not run.
func (s *runs) get(taskID string) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[taskID]
}

// all returns every execution that runs.
func (s *runs) all() []*run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.running))
}

// add makes r its task's execution and returns the one that ended before it, or nil.
func (s *runs) add(r *run) (before *supervise.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		s.running = map[string]*run{}
	}
	s.running[r.taskID] = r
	before = s.last[r.taskID]
	delete(s.last, r.taskID)
	return before
}

// end makes r its task's last execution.
func (s *runs) end(r *run) {
	s.mu.Lock()
	delete(s.running, r.taskID)
	s.mu.Unlock()
	s.keep(r.taskID, r.proc)
}

// keep remembers an ended execution.
func (s *runs) keep(taskID string, proc *supervise.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[string]*supervise.Process{}
	}
	s.last[taskID] = proc
}

// ended returns a task's last execution, if that has ended here; nil if none has.
func (s *runs) ended(taskID string) *supervise.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[taskID]
}

// forget gives up a task's last execution and returns it; nil if there is none.
func (s *runs) forget(taskID string) *supervise.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.last[taskID]
	delete(s.last, taskID)
	return p
}

// process returns the execution that runs or else the last one; nil if the task
// never ran.
func (s *runs) process(taskID string) *supervise.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.running[taskID]; r != nil {
		return r.proc
	}
	return s.last[taskID]
}
