package cloudtaskmanager

import (
	"context"
	"strconv"
	"time"

	"github.com/agata-fl/agata/internal/argv"
	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/criteria"
	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// createTask registers a task.
func (s *Service) createTask(ctx context.Context, req contract.CreateTaskRequest) (none contract.None, err error) {
	began := time.Now()
	s.base.Event(ctx, contract.About{Task: req.TaskID}, contract.CreateTask.Name, "Started task creation")
	for _, path := range req.FilesPaths {
		if err := artifact.ValidPath(path); err != nil {
			return none, rpc.Errorf(rpc.Invalid, "files_paths: %w", err)
		}
	}
	if err := check(&req.SelectionCriteria, &req.ServerArguments, req.ClientArguments); err != nil {
		return none, err
	}
	done, err := s.turns.lock(ctx, req.TaskID)
	if err != nil {
		return none, err
	}
	defer done()
	if err := s.removeLeft(ctx, req.TaskID); err != nil {
		return none, err
	}
	if err := s.store.create(ctx, req, began); database.IsUnique(err) {
		return none, rpc.Text(rpc.Conflict, contract.TaskIDTaken)
	} else if err != nil {
		return none, err
	}
	s.metrics.tasks.WithLabelValues(string(stateNew)).Inc()
	s.base.Event(ctx, contract.About{Task: req.TaskID}, contract.CreateTask.Name, "Finished task creation")
	s.took(ctx, contract.About{Task: req.TaskID}, "create_task_time", began)
	return none, nil
}

// updateTask changes the fields that are present; the state is none of them. A
// running task is offered as it is from now on.
func (s *Service) updateTask(ctx context.Context, req contract.UpdateTaskRequest) (none contract.None, err error) {
	s.base.Event(ctx, contract.About{Task: req.TaskID}, contract.UpdateTask.Name, "Started updating task")
	if err := check(req.SelectionCriteria, req.ServerArguments, req.ClientArguments); err != nil {
		return none, err
	}
	done, err := s.turns.lock(ctx, req.TaskID)
	if err != nil {
		return none, err
	}
	defer done()
	t, changed, err := s.store.change(ctx, req, time.Now())
	switch {
	case err != nil:
		return none, err
	case t == nil:
		return none, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(req.TaskID))
	case !changed && !repeats(req, t):
		return none, rpc.Text(rpc.Conflict, contract.TaskChanged(req.TaskID))
	}
	o, err := s.offerOf(t)
	if err != nil {
		return none, err
	}
	if s.shared == nil {
		s.offers.Replace(o)
	}
	s.notify(contract.ChangeUpdated, t.id, "")
	s.base.Event(ctx, contract.About{Task: req.TaskID}, contract.UpdateTask.Name, "Finished updating task")
	return none, nil
}

// repeats tells whether an update that finds another revision finds its own work:
// a caller whose connection broke sends it again.
func repeats(req contract.UpdateTaskRequest, t *task) bool {
	return t.revision == *req.IfRevision+1 &&
		same(req.Host, &t.host) && same(req.Port, &t.port) && same(req.Username, &t.username) && same(req.Password, &t.password) &&
		same(req.SelectionCriteria, &t.selectionCriteria) && same(req.ServerArguments, &t.serverArguments) && same(req.ClientArguments, t.clientArguments)
}

// same tells whether a field that is wanted so is so; nil is not wanted.
func same[T comparable](want, is *T) bool {
	return want == nil || is != nil && *want == *is
}

// check refuses what could only fail later, where nobody waits for the answer.
// Absent ones are nil.
func check(selection, serverArguments, clientArguments *string) error {
	if selection != nil {
		if _, err := criteria.Compile(*selection); err != nil {
			return rpc.Errorf(rpc.Invalid, "%w", err) // it names the column
		}
	}
	for name, line := range map[string]*string{"server_arguments": serverArguments, "client_arguments": clientArguments} {
		if line == nil {
			continue
		}
		if _, err := argv.Split(*line); err != nil {
			return rpc.Errorf(rpc.Invalid, "%s: %w", name, err)
		}
	}
	return nil
}

// took puts a duration on the timeline, in nanoseconds.
func (s *Service) took(ctx context.Context, about contract.About, function string, began time.Time) {
	s.base.Event(ctx, about, function, strconv.FormatInt(time.Since(began).Nanoseconds(), 10))
}
