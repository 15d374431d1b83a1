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
	s.base.Event(ctx, contract.About{Task: req.TaskID}, contract.GetTask.Name, "Started querying task info")
	t, err := s.registered(ctx, req.TaskID)
	if err != nil {
		return contract.Task{}, err
	}
	s.base.Event(ctx, contract.About{Task: req.TaskID}, contract.GetTask.Name, "Finished querying task info")
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

// listTasks returns a page of tasks, by id.
func (s *Service) listTasks(ctx context.Context, req contract.ListTasksRequest) (contract.TaskList, error) {
	limit := req.Limit
	if limit == 0 {
		limit = defaultPage
	}
	tasks, err := s.store.list(ctx, req.After, limit+1)
	if err != nil {
		return contract.TaskList{}, err
	}
	page := contract.TaskList{Tasks: make([]contract.TaskSummary, 0, len(tasks))}
	for i, t := range tasks {
		if i == limit {
			page.Next = tasks[i-1].id
			break
		}
		page.Tasks = append(page.Tasks, t.summary())
	}
	return page, nil
}
