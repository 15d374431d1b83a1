package tasks_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/experiments/tasks"
)

func TestEveryManifestIsWhole(t *testing.T) {
	ids, err := tasks.IDs()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"4fe5", "C", "E", "gofedavg", "high", "low"}; !slices.Equal(ids, want) {
		t.Errorf("the catalogue is %q, want %q", ids, want)
	}
	for _, id := range ids {
		m, err := tasks.Load(id)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.TaskID != id {
			t.Errorf("folder %s holds the manifest of task %s", id, m.TaskID)
		}
		if m.Description == "" || len(m.ServerFiles) == 0 || len(m.FilesPaths) == 0 || len(m.Tags) == 0 {
			t.Errorf("the manifest of %s lacks something: %+v", id, m)
		}
		// Both sides must mean the same port.
		if _, port, _ := strings.Cut(m.ClientArguments, "127.0.0.1:"); !strings.Contains(m.ServerArguments, "--port "+strings.Fields(port)[0]) {
			t.Errorf("task %s: the client's arguments %q do not lead to the server's %q", id, m.ClientArguments, m.ServerArguments)
		}
		if m.Build != "" {
			if _, err := os.Stat(filepath.Join(m.Build, "main.go")); err != nil {
				t.Errorf("task %s: %v", id, err)
			}
			continue
		}
		dir := filepath.Join(t.TempDir(), "task_"+id)
		if err := m.Install(dir, append(m.ServerFiles, m.FilesPaths...)); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"server.py", "client.py", "task.py", "trigger_example.py"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Errorf("task %s: %v", id, err)
			}
		}
	}
}

func TestWhatTheCatalogueLacks(t *testing.T) {
	for _, id := range []string{"", "none", "../tasks", "/etc"} {
		if _, err := tasks.Load(id); err == nil || !strings.Contains(err.Error(), "no task") {
			t.Errorf("Load(%q) = %v, want an error that says so", id, err)
		}
	}
	m, err := tasks.Load("4fe5")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../E/task.json", "task.json", ""} {
		if err := m.Install(t.TempDir(), []string{name}); err == nil || !strings.Contains(err.Error(), "has no file") {
			t.Errorf("installing %q = %v, want an error that the task has no such file", name, err)
		}
	}
	built, err := tasks.Load("gofedavg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := built.ReadFile("client"); err == nil || !strings.Contains(err.Error(), "go build -o client") {
		t.Errorf("the client of gofedavg: %v, want an error that says how to build it", err)
	}
}
