package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// cloud stands for the task manager and the user manager: it answers their
// functions out of maps, and keeps tasks' files as they do.
type cloud struct {
	files *artifact.Store
	work  string

	mu      sync.Mutex
	tasks   map[string]*contract.TaskDetail
	users   map[string]contract.User
	calls   map[string]int
	lines   []string
	refuses map[string]error // by function
	now     float64          // when bundles are revoked; 1 if zero
	hold    chan struct{}    // starts wait for it, if set
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	work := t.TempDir()
	store, err := artifact.NewStore(work, artifact.Limits{FileBytes: maxTestFile})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return &cloud{files: store, work: work, tasks: map[string]*contract.TaskDetail{}, users: map[string]contract.User{}, calls: map[string]int{}, refuses: map[string]error{}}
}

// maxTestFile is the largest file that the test's file service takes, in bytes.
const maxTestFile = 1 << 20

// on registers a function, which runs alone.
func on[Req, Resp any](c *cloud, s *baseservice.Service, fn contract.Function[Req, Resp], handle func(Req) (Resp, error)) {
	baseservice.Handle(s, fn, func(_ context.Context, req Req) (resp Resp, err error) {
		c.mu.Lock()
		c.calls[fn.Name]++
		err, hold := c.refuses[fn.Name], c.hold
		c.mu.Unlock()
		if err != nil {
			return resp, err
		}
		if hold != nil && fn.Name == contract.StartServerTask.Name {
			<-hold
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return handle(req)
	})
}

func (c *cloud) serve(s *baseservice.Service) {
	c.serveRevocations(s)
	var none contract.None
	on(c, s, contract.CreateTask, func(r contract.CreateTaskRequest) (contract.None, error) {
		if c.tasks[r.TaskID] != nil {
			return none, rpc.Text(rpc.Conflict, contract.TaskIDTaken)
		}
		if slices.Contains(r.FilesPaths, "..") {
			return none, rpc.Errorf(rpc.Invalid, "files_paths: refused file name %q", "..")
		}
		c.tasks[r.TaskID] = &contract.TaskDetail{State: "new", Revision: 1, Task: contract.Task{ID: r.TaskID, Host: r.Host, Port: r.Port, Username: r.Username,
			Password: r.Password, FilesPaths: r.FilesPaths, SelectionCriteria: r.SelectionCriteria, ClientArguments: r.ClientArguments, Tags: r.Tags}}
		return none, nil
	})
	on(c, s, contract.DescribeTask, func(r contract.TaskIDRequest) (contract.TaskDetail, error) {
		if t := c.tasks[r.TaskID]; t != nil {
			return *t, nil
		}
		return contract.TaskDetail{}, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(r.TaskID))
	})
	on(c, s, contract.GetTask, func(r contract.TaskIDRequest) (contract.Task, error) {
		if t := c.tasks[r.TaskID]; t != nil {
			return t.Task, nil
		}
		return contract.Task{}, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(r.TaskID))
	})
	on(c, s, contract.UpdateTask, func(r contract.UpdateTaskRequest) (contract.None, error) {
		t := c.tasks[r.TaskID]
		switch {
		case t == nil:
			return none, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(r.TaskID))
		case r.IfRevision != nil && *r.IfRevision != t.Revision:
			return none, rpc.Text(rpc.Conflict, contract.TaskChanged(r.TaskID))
		}
		t.Revision++
		t.Port = *cmp.Or(r.Port, &t.Port)
		return none, nil
	})
	on(c, s, contract.DeleteTask, func(r contract.TaskIDRequest) (contract.None, error) {
		t := c.tasks[r.TaskID]
		switch {
		case t == nil:
			return none, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(r.TaskID))
		case t.State == "running":
			return none, rpc.Text(rpc.Conflict, contract.TaskRuns(r.TaskID))
		}
		delete(c.tasks, r.TaskID)
		return none, nil
	})
	on(c, s, contract.StartServerTask, func(r contract.StartTaskRequest) (contract.None, error) {
		t := c.tasks[r.TaskID]
		switch {
		case t == nil:
			return none, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(r.TaskID))
		case t.State == "running":
			return none, rpc.Text(rpc.Conflict, contract.TaskAlreadyRunning(r.TaskID))
		}
		if _, err := os.Stat(filepath.Join(c.work, "tasks", "task_"+r.TaskID)); errors.Is(err, fs.ErrNotExist) {
			return none, rpc.Text(rpc.NotFound, contract.DirectoryMissing("x"))
		}
		t.State, t.Running = "running", true
		return none, nil
	})
	on(c, s, contract.StopServerTask, func(r contract.TaskIDRequest) (contract.None, error) {
		t := c.tasks[r.TaskID]
		if t == nil {
			return none, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(r.TaskID))
		}
		if t.State != "running" {
			return none, rpc.Text(rpc.NotFound, contract.TaskNotFound(r.TaskID))
		}
		t.State, t.Running = "stopped", false
		return none, nil
	})
	on(c, s, contract.ListTasks, func(r contract.ListTasksRequest) (contract.TaskList, error) {
		page := contract.TaskList{}
		for _, id := range slices.Sorted(maps.Keys(c.tasks)) {
			t := c.tasks[id]
			if r.State != "" && r.State != t.State || !strings.Contains(id, r.Query) {
				continue
			}
			page.Total++
			switch {
			case id <= r.After:
			case len(page.Tasks) == r.Limit:
				page.Next = page.Tasks[r.Limit-1].ID
			default:
				page.Tasks = append(page.Tasks, contract.TaskSummary{ID: id, State: t.State, Revision: t.Revision})
			}
		}
		return page, nil
	})
	on(c, s, contract.CountTasks, func(contract.None) (contract.TaskCounts, error) {
		counts := contract.TaskCounts{}
		for _, t := range c.tasks {
			counts[t.State]++
		}
		return counts, nil
	})
	on(c, s, contract.ListTaskFiles, func(r contract.TaskIDRequest) (contract.TaskFiles, error) {
		if c.tasks[r.TaskID] == nil {
			return contract.TaskFiles{}, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(r.TaskID))
		}
		list, err := c.files.List(r.TaskID)
		if err != nil && !errors.Is(err, artifact.ErrNotFound) {
			return contract.TaskFiles{}, err
		}
		var files contract.TaskFiles
		for _, f := range list {
			files.Files = append(files.Files, contract.TaskFile{Path: f.Path, Size: f.Size, SHA256: f.SHA256})
		}
		return files, nil
	})
	on(c, s, contract.DeleteTaskFile, func(r contract.TaskFileRequest) (contract.None, error) {
		if err := os.Remove(filepath.Join(c.work, "tasks", "task_"+r.TaskID, r.Path)); err != nil {
			return none, rpc.Errorf(rpc.NotFound, "task %s has no file %s", r.TaskID, r.Path)
		}
		return none, nil
	})
	on(c, s, contract.ServerLogs, func(r contract.LogsRequest) (contract.Logs, error) {
		if c.tasks[r.TaskID] == nil {
			return contract.Logs{}, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(r.TaskID))
		}
		from := max(0, len(c.lines)-r.Lines)
		if r.After != "" {
			if err := json.Unmarshal([]byte(r.After), &from); err != nil {
				return contract.Logs{}, rpc.Errorf(rpc.Invalid, "after: is no place in the output")
			}
		}
		to := min(len(c.lines), from+r.Lines)
		return contract.Logs{Lines: c.lines[from:to], Next: itoa(to)}, nil
	})
	on(c, s, contract.ExplainTask, func(r contract.ExplainRequest) (contract.Explanation, error) {
		return contract.Explanation{Offered: true, Clauses: []contract.Clause{{Text: "the task is for everyone", Outcome: "true"}}}, nil
	})
	on(c, s, contract.ListTaskClients, func(r contract.TaskAudienceRequest) (contract.TaskAudience, error) {
		t := c.tasks[r.TaskID]
		if t == nil {
			return contract.TaskAudience{}, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(r.TaskID))
		}
		page := contract.TaskAudience{Running: t.State == "running", Total: len(c.users)}
		for _, id := range slices.Sorted(maps.Keys(c.users)) {
			page.Clients = append(page.Clients, contract.ClientChoice{UserID: id, Selected: true})
		}
		return page, nil
	})
	on(c, s, contract.CheckCriteria, func(r contract.CheckCriteriaRequest) (contract.CriteriaCheck, error) {
		return contract.CriteriaCheck{Valid: r.Expression == "", Clients: len(c.users)}, nil
	})
	on(c, s, contract.GetUser, func(r contract.UserIDRequest) (contract.User, error) {
		if u, ok := c.users[r.UserID]; ok {
			return u, nil
		}
		return contract.User{}, rpc.Text(rpc.NotFound, contract.UserNotRegistered(r.UserID))
	})
	on(c, s, contract.ListUsers, func(r contract.ListRequest) (contract.UserList, error) {
		page := contract.UserList{Total: len(c.users)}
		for _, id := range slices.Sorted(maps.Keys(c.users)) {
			switch {
			case id <= r.After:
			case len(page.Users) == r.Limit:
				page.Next = page.Users[r.Limit-1].ID
			default:
				page.Users = append(page.Users, c.users[id])
			}
		}
		return page, nil
	})
}

// with changes what the cloud holds.
func (c *cloud) with(fn func(*cloud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn(c)
}

func (c *cloud) called(fn string) (n int) {
	c.with(func(c *cloud) { n = c.calls[fn] })
	return n
}
