package cloudtaskmanager

import (
	"context"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// defaultPage is how many tasks, or lines of output, an answer holds when the
// request does not say.
const defaultPage = 100

// getTask returns a task's record.
func (s *Service) getTask(ctx context.Context, req contract.TaskIDRequest) (contract.Task, error) {
	s.base.Routine(ctx, contract.About{Task: req.TaskID}, contract.GetTask.Name, "Started querying task info")
	t, err := s.registered(ctx, req.TaskID)
	if err != nil {
		return contract.Task{}, err
	}
	s.base.Routine(ctx, contract.About{Task: req.TaskID}, contract.GetTask.Name, "Finished querying task info")
	return t.wire(), nil
}

// registered returns a task, or the wire's error if there is none.
func (s *Service) registered(ctx context.Context, id string) (*task, error) {
	t, err := s.store.get(ctx, id)
	if err == nil && t == nil {
		err = rpc.Text(rpc.NotFound, contract.TaskNotRegistered(id))
	}
	return t, err
}

// describeTask returns a task's record and how it stands.
func (s *Service) describeTask(ctx context.Context, req contract.TaskIDRequest) (contract.TaskDetail, error) {
	t, err := s.registered(ctx, req.TaskID)
	if err != nil {
		return contract.TaskDetail{}, err
	}
	return t.describe(), nil
}

// countTasks counts the tasks by state, also the states that none is in.
func (s *Service) countTasks(ctx context.Context, _ contract.None) (contract.TaskCounts, error) {
	n, err := s.store.count(ctx)
	if err != nil {
		return nil, err
	}
	counts := contract.TaskCounts{}
	for _, st := range contract.States() {
		counts[string(st)] = n[st]
	}
	return counts, nil
}
