package cloudtaskmanager

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// state of a task's server side.
type state = contract.State

const (
	stateNew      = contract.StateNew
	stateRunning  = contract.StateRunning
	stateFinished = contract.StateFinished
	stateFailed   = contract.StateFailed
	stateStopped  = contract.StateStopped
)

// task is a task's record.
type task struct {
	seq               int64
	id                string
	created           time.Time
	modified          time.Time
	host              string
	port              int
	username          string
	password          string
	filesPaths        []string
	tags              []string
	selectionCriteria string
	serverArguments   string
	clientArguments   *string

	state       state
	end         end
	round       string
	acc         string
	executionID string
	pid         int
	started     time.Time // the last execution; zero before the first
	revision    int64     // grows with every change by an operator
	owner       string    // the manager that ran the last execution
	advertised  string    // where its server is found; "": at host
	withdrawn   bool      // it is not offered any more, though it runs
	stalled     float64   // since when it makes no progress, unix seconds; 0: it does
}

// end tells how the last execution ended; zero before the first end and while
// the task runs.
type end struct {
	reason contract.Reason
	detail string // in words
	code   *int   // the exit code
	signal *int   // the signal that ended it
	at     time.Time
	call   baseservice.Call // that asked for it; not stored with it
}

// why is the end's reason as people read it.
func (e end) why() string {
	return strings.TrimSuffix(fmt.Sprintf("%s: %s", e.reason, e.detail), ": ")
}

// wire is the task as peers see it.
func (t *task) wire() contract.Task {
	return contract.Task{
		CreationDate: contract.Date{Time: t.created}, LastModDate: contract.Date{Time: t.modified},
		ID: t.id, Host: t.host, Port: t.port, Running: t.state == stateRunning,
		SelectionCriteria: t.selectionCriteria, ServerArguments: t.serverArguments, ClientArguments: t.clientArguments,
		Username: t.username, Password: t.password, Tags: t.tags, FilesPaths: t.filesPaths,
	}
}

// summary is the task as a line of a list.
func (t *task) summary() contract.TaskSummary {
	s := contract.TaskSummary{
		ID: t.id, State: string(t.state), Reason: t.end.why(), Round: t.round, Acc: t.acc,
		CreationDate: contract.Date{Time: t.created}, LastModDate: contract.Date{Time: t.modified}, Tags: t.tags,
		Revision: t.revision,
	}
	if t.state == stateRunning {
		s.PID = t.pid
	}
	return s
}

// describe is all of the task, and how it stands.
func (t *task) describe() contract.TaskDetail {
	s := t.summary()
	return contract.TaskDetail{Task: t.wire(), State: s.State, Reason: s.Reason, Round: s.Round, Acc: s.Acc, PID: s.PID,
		ExecutionID: t.executionID, Revision: t.revision, StalledSince: t.stalled}
}

// offers tells whether the record says that the task is on offer.
func (t *task) offers() bool { return t.state == stateRunning && !t.withdrawn }

// offered is the task as a client gets it.
func (t *task) offered() contract.OfferedTask {
	return contract.OfferedTask{
		ID: t.id, Host: cmp.Or(t.advertised, t.host), Port: t.port, Tags: t.tags, ClientArguments: t.clientArguments,
		Username: t.username, Password: t.password, FilesPaths: t.filesPaths,
	}
}
