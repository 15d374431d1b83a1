package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/experiments/tasks"
	"github.com/agata-fl/agata/pkg/contract"
)

// created returns the one task that was registered, which must meet its schema.
func (f *fakeCloud) created() contract.CreateTaskRequest {
	f.t.Helper()
	schemas, err := contract.CompileSchemas()
	if err != nil {
		f.t.Fatal(err)
	}
	var req contract.CreateTaskRequest
	n := 0
	for _, c := range f.called() {
		if c.function != contract.CreateTask.Name {
			continue
		}
		n++
		if err := schemas.Validate(c.function, []byte(c.body)); err != nil {
			f.t.Errorf("%s: %v", c.body, err)
		}
		if err := json.Unmarshal([]byte(c.body), &req); err != nil {
			f.t.Fatal(err)
		}
	}
	if n != 1 {
		f.t.Fatalf("%d tasks were created", n)
	}
	return req
}

func text(s string) *string { return &s }

func TestCreateByFlags(t *testing.T) {
	f := newFakeCloud(t)
	f.ok("task", "create", "digits", "--host", "h", "--port", "7", "--username", "u", "--password", "p", "--file", "client.py", "--file", "lib/task.py",
		"--criteria", `"camera" in sensors`, "--server-args", "--rounds 3", "--client-args", "", "--tag", "a", "--tag", "b,c")
	want := contract.CreateTaskRequest{TaskID: "digits", Host: "h", Port: 7, Username: "u", Password: "p", FilesPaths: []string{"client.py", "lib/task.py"},
		SelectionCriteria: `"camera" in sensors`, ServerArguments: "--rounds 3", Tags: []string{"a", "b,c"}}
	if d := cmp.Diff(want, f.created()); d != "" {
		t.Error(d)
	}
}

func TestCreateFillsInWhatIsLeftOut(t *testing.T) {
	f := newFakeCloud(t)
	r := f.ok("task", "create", "digits", "--file", "client.py", "--set", "server.broker.host=cloud.example")
	req := f.created()
	if req.Host != "cloud.example" || req.Port != 0 || req.Username != "agata" || req.ClientArguments != nil {
		t.Errorf("got %+v", req)
	}
	if len(req.Password) < 20 || strings.Contains(r.out+r.err, req.Password) {
		t.Errorf("the password %q is short, or was printed: %q %q", req.Password, r.out, r.err)
	}
	g := newFakeCloud(t)
	g.ok("task", "create", "digits", "--file", "client.py")
	if g.created().Password == req.Password {
		t.Error("two tasks have one password")
	}
}

func TestCreateFromAManifest(t *testing.T) {
	f := newFakeCloud(t)
	manifest := `{"task_id": "m", "host": "h", "port": 1, "username": "u", "password": "p", "server_files": ["server.py"], "files_paths": ["client.py"],
		"selection_criteria": "ID != ''", "server_arguments": "s", "client_arguments": "c", "tags": ["t"]}`
	if err := os.WriteFile("m.json", []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	f.ok("task", "create", "other", "--from", "m.json", "--port", "0", "--tag", "u", "--client-args", "d")
	want := contract.CreateTaskRequest{TaskID: "other", Host: "h", Username: "u", Password: "p", FilesPaths: []string{"client.py"},
		SelectionCriteria: "ID != ''", ServerArguments: "s", ClientArguments: text("d"), Tags: []string{"u"}}
	if d := cmp.Diff(want, f.created()); d != "" {
		t.Error(d)
	}
}

// Every task of the catalogue can be created, and what its base has is found.
func TestManifestsOfTheCatalogue(t *testing.T) {
	ids, err := tasks.IDs()
	if err != nil {
		t.Fatal(err)
	}
	home, err := filepath.Abs("../../experiments/tasks")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		t.Run(id, func(t *testing.T) {
			f := newFakeCloud(t)
			dir := filepath.Join(home, id)
			f.ok("task", "create", "--from", dir)
			want, err := tasks.Load(id)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.created(); got.TaskID != id || got.ServerArguments != want.ServerArguments || *got.ClientArguments != want.ClientArguments {
				t.Errorf("got %+v", got)
			}
			t.Chdir(dir)
			m, err := readManifest(".")
			if err != nil {
				t.Fatal(err)
			}
			files, err := m.files()
			if want.Build != "" {
				if err == nil || !strings.Contains(err.Error(), "go build -o server ./.") && !strings.Contains(err.Error(), "go build -o server .") {
					t.Errorf("a task that is not built: %v", err)
				}
				closeFiles(files)
				return
			}
			defer closeFiles(files)
			if err != nil || len(files) != 4 { // server.py, task.py and the trigger; client.py
				t.Errorf("got %d files, %v", len(files), err)
			}
		})
	}
}

func TestCreateSaysWhatToDo(t *testing.T) {
	f := newFakeCloud(t)
	f.fails(contract.CreateTask.Name, http.StatusInternalServerError, contract.TaskIDTaken)
	r := f.agata("task", "create", "digits", "--file", "client.py")
	if r.code != exitFailed || !strings.Contains(r.err, contract.TaskIDTaken) || !strings.Contains(r.err, "agata task update digits") {
		t.Errorf("got %+v", r)
	}
	f.fails(contract.CreateTask.Name, http.StatusBadRequest, "rpc_exec_create_task cannot be executed due to invalid arguments: x")
	if r := f.agata("task", "create", "digits", "--file", "client.py"); r.code != exitUsage || !strings.Contains(r.err, "invalid arguments: x") {
		t.Errorf("got %+v", r)
	}
}

func TestUpdateSendsOnlyWhatWasGiven(t *testing.T) {
	f := newFakeCloud(t)
	f.ok("task", "update", "digits", "--criteria", "", "--port", "0", "--if-unchanged", "7")
	f.ok("task", "update", "digits", "--host", "h", "--username", "u", "--password", "p", "--server-args", "s", "--client-args", "c")
	want := []call{
		{contract.UpdateTask.Name, `{"if_match":"\"7\"","port":0,"selection_criteria":"","task_id":"digits"}`},
		{contract.UpdateTask.Name, `{"client_arguments":"c","host":"h","if_match":"*","password":"p","server_arguments":"s","task_id":"digits","username":"u"}`},
	}
	if d := cmp.Diff(want, f.called(), cmp.AllowUnexported(call{})); d != "" {
		t.Error(d)
	}
}
