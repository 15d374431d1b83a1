package cloudtaskmanager

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// call calls a function with a body as a peer sends it.
func (c *cloud) call(function, body string) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return rpc.CallRaw(ctx, c.caller, rpc.Request{Function: function, Body: []byte(body)}, false)
}

// must calls a function that must succeed.
func must[Req, Resp any](c *cloud, fn contract.Function[Req, Resp], req Req) Resp {
	c.Helper()
	resp, err := rpc.Call(c.Context(), c.caller, fn, req)
	if err != nil {
		c.Fatalf("%s %+v: %v", fn.Name, req, err)
	}
	return resp
}

// refused calls a function that must fail with the code, and returns the text.
func refused[Req, Resp any](c *cloud, fn contract.Function[Req, Resp], req Req, code rpc.Code) string {
	c.Helper()
	resp, err := rpc.Call(c.Context(), c.caller, fn, req)
	if err == nil {
		c.Fatalf("%s %+v succeeded: %+v", fn.Name, req, resp)
	}
	if rpc.CodeOf(err) != code {
		c.Errorf("%s %+v: code %q (%v), want %q", fn.Name, req, rpc.CodeOf(err), err, code)
	}
	return err.Error()
}

// create registers a task with one file.
func (c *cloud) create(id, criteria string) {
	c.Helper()
	must(c, contract.CreateTask, contract.CreateTaskRequest{TaskID: id, Host: "127.0.0.1", Port: 8080,
		Username: "user-" + id, Password: "pass-" + id, FilesPaths: []string{"client.py"}, SelectionCriteria: criteria})
}

// file writes a file of a task.
func (c *cloud) file(id, name, text string) {
	c.Helper()
	dir := filepath.Join(c.dir, "work", "tasks", "task_"+id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
		c.Fatal(err)
	}
}

// task registers a task and gives it a server.py that begins with what report
// needs and goes on with body.
func (c *cloud) task(id, body string) {
	c.Helper()
	c.create(id, "")
	c.file(id, "server.py", preamble+body)
}

const preamble = `
import json, os, sys, time
def report(**fields): print(json.dumps(fields), flush=True)
report(type="info", info="Started")
`

// forever is the rest of a server that waits to be stopped.
const forever = "time.sleep(600)\n"

func (c *cloud) start(id string) {
	c.Helper()
	must(c, contract.StartServerTask, contract.StartTaskRequest{TaskID: id})
}

func (c *cloud) halt(id string) {
	c.Helper()
	must(c, contract.StopServerTask, contract.TaskIDRequest{TaskID: id})
}

// running is the task's running as peers read it.
func (c *cloud) running(id string) bool {
	c.Helper()
	return bool(must(c, contract.GetTask, contract.TaskIDRequest{TaskID: id}).Running)
}

// summary is the task's line in the list.
func (c *cloud) summary(id string) contract.TaskSummary {
	c.Helper()
	for _, t := range must(c, contract.ListTasks, contract.ListTasksRequest{ListRequest: contract.ListRequest{Limit: 1000}}).Tasks {
		if t.ID == id {
			return t
		}
	}
	c.Fatalf("task %s is not in the list", id)
	return contract.TaskSummary{}
}

// becomes waits until the task is in the state, and returns its line then.
func (c *cloud) becomes(id string, want state) contract.TaskSummary {
	c.Helper()
	var t contract.TaskSummary
	c.eventually("task "+id+" becomes "+string(want), func() bool {
		t = c.summary(id)
		return t.State == string(want)
	})
	return t
}

// eventually polls, for things that happen by themselves.
func (c *cloud) eventually(what string, is func() bool) {
	c.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.Fatalf("in 10 s not: %s", what)
		}
	}
}

// offered lists the ids of the tasks that a client gets.
func (c *cloud) offered(user string) []string {
	c.Helper()
	ids := []string{}
	for _, t := range must(c, contract.RequestTasks, contract.UserIDRequest{UserID: user}) {
		ids = append(ids, t.ID)
	}
	return ids
}

// wantOffered checks what a client gets, in order.
func (c *cloud) wantOffered(user string, want ...string) {
	c.Helper()
	if got := c.offered(user); !slices.Equal(got, want) {
		c.Errorf("%s is offered %v, want %v", user, got, want)
	}
}

// events collects the timeline until enough says so.
func (c *cloud) events(enough func([]contract.Event) bool) []contract.Event {
	c.Helper()
	var all []contract.Event
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := c.transport().Subscribe(ctx, contract.EventsQueue, func(body []byte) error {
		var e contract.Event
		if err := json.Unmarshal(body, &e); err != nil {
			return err
		}
		all = append(all, e)
		if enough(all) {
			cancel()
		}
		return nil
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		c.Errorf("read the events: %v", err)
	}
	if !enough(all) {
		c.Fatalf("in 10 s not enough events: %+v", all)
	}
	return all
}

func contains(events []contract.Event, function, text string) bool {
	return slices.ContainsFunc(events, func(e contract.Event) bool {
		return e.Service == contract.EventCloudTasks && e.Function == function && e.Event == text
	})
}

// output waits for a line of the task's output that holds the text.
func (c *cloud) output(id, text string) {
	c.Helper()
	c.eventually("task "+id+" writes "+text, func() bool {
		return strings.Contains(strings.Join(must(c, contract.ServerLogs, contract.LogsRequest{TaskID: id}).Lines, "\n"), text)
	})
}
