package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// The processes of both sides are killed in the middle of their work and started
// again: what was confirmed is there, what ran runs on, and nothing runs twice.
func TestServicesAreKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set["server.gateway.port"], w.set["server.files.port"] = strconv.Itoa(testenv.Port(t)), strconv.Itoa(testenv.Port(t))
	w.set["server.gateway.url"] = "http://127.0.0.1:" + w.set["server.gateway.port"]
	w.set["server.files.url"] = "http://127.0.0.1:" + w.set["server.files.port"]
	settings := func(side string) map[string]string {
		s := maps.Clone(w.set)
		s["tasks.work_"+side] = w.dir + "/" + side + "/" + side
		return s
	}
	cloudDir, clientDir := t.TempDir(), t.TempDir()
	cloud := func() *process {
		p := command(t, cloudDir, os.Environ(), settings("cloud"), "serve", "user-manager", "cloud-task-manager", "cloud-gateway")
		w.eventually("the cloud is up", func() bool {
			_, err := call(t, w.operator, contract.ListTasks, contract.ListTasksRequest{})
			_, userErr := call(t, w.operator, contract.ListUsers, contract.ListRequest{})
			return err == nil && userErr == nil
		})
		return p
	}
	client := func() *process {
		p := command(t, clientDir, os.Environ(), settings("client"), "serve", "client-gateway", "client-task-manager")
		w.eventually("the client is up", func() bool { _, err := call(t, w.device, contract.ClientStatus, contract.None{}); return err == nil })
		return p
	}
	firstCloud := cloud()
	w.task("bad", forever, "note('bad')\nsay(type='error', exception='no data')\n"+forever, nil)
	w.task("a", "note('up')\n"+forever, "note('up')\n"+forever, nil)
	w.start("bad")
	w.start("a")
	firstClient := client()
	held := w.held("bad")
	pid, server := number(t, w.noted("client", "up")), number(t, w.noted("cloud", "up"))

	firstClient.kill()
	if !alive(pid) {
		t.Error("the client's task ended with its manager")
	}
	client()
	if e := w.runs("a"); e.PID != pid || len(w.notes("client", "up")) != 1 {
		t.Errorf("the client's task: %+v, before %d", e, pid)
	}
	if again := w.held("bad"); again != held || len(w.notes("client", "bad")) != 1 {
		t.Errorf("the quarantine: %s, before %s", again, held)
	}

	// Killed while it creates tasks. Who calls meanwhile is answered by the next.
	const tasks = 40
	created := make(chan error, tasks)
	go func() {
		for i := range tasks {
			_, err := call(t, w.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: fmt.Sprint("t", i), FilesPaths: []string{}})
			created <- err
		}
	}()
	conflicts := 0
	for i := range tasks {
		if i == 20 {
			firstCloud.kill()
			if !alive(server) {
				t.Error("the task's server ended with its manager")
			}
			cloud()
		}
		switch err := <-created; {
		case rpc.CodeOf(err) == rpc.Conflict && conflicts == 0:
			conflicts++ // it was done, and the answer died with the cloud
		case err != nil:
			t.Errorf("the creation of task t%d: %v", i, err)
		}
	}
	t.Logf("%d of %d creations were begun by the killed cloud and answered by the next", conflicts, tasks)
	for i := range tasks {
		if s := w.summary(fmt.Sprint("t", i)); s.State != "new" {
			t.Errorf("the task: %+v", s)
		}
	}
	if s := w.summary("a"); s.State != "running" || s.PID != server || len(w.notes("cloud", "up")) != 1 {
		t.Errorf("the task's server: %+v, before %d", s, server)
	}
	w.eventually("the client finds the cloud again", func() bool { return w.status().LastError == "" })
	if e := w.runs("a"); e.PID != pid {
		t.Errorf("the client's task: %+v, before %d", e, pid)
	}
	for _, id := range []string{"a", "bad"} { // serve leaves tasks running
		must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: id})
	}
	w.ended("a")
	if alive(pid) || alive(server) {
		t.Error("the task's processes outlived its stop")
	}
}

// A task holds nothing open that AGATA was given by whoever started it, who may be
// waiting for the end of a pipe.
func TestTasksInheritNoFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	dir := t.TempDir()
	pipe, script := filepath.Join(dir, "pipe"), filepath.Join(dir, "start")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\nexec 9<>%s\nexec %s \"$@\"\n", pipe, agata(t)), 0o700); err != nil {
		t.Fatal(err)
	}
	w.set["tasks.work_client"] = w.dir + "/client/client"
	manager := commandOf(t, script, dir, os.Environ(), w.set, "serve", "client-gateway", "client-task-manager")
	w.task("a", forever, "note('up')\n"+forever, nil)
	w.start("a")
	w.noted("client", "up")
	var holders []int
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == pipe {
			holders = append(holders, number(t, strings.Split(link, "/")[2]))
		}
	}
	if !slices.Equal(holders, []int{manager.Process.Pid}) {
		t.Errorf("the pipe that process %d was given is open in %v", manager.Process.Pid, holders)
	}
	must(t, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"})
	w.ended("a")
}
