package attack

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/access/accesstest"
)

// spy is a task's program that looks around: its environment, its arguments and
// those of every process that it may see.
const spy = `#!/bin/sh
exec > "$1/spied" 2>&1
env
tr '\000' ' ' < /proc/self/cmdline
for p in /proc/[0-9]*; do tr '\000' ' ' < $p/cmdline; echo; done
echo spied-all
exec sleep 60
`

// TestNoSecretComesToLight: after all that is done with secrets, they are in no
// log, list, answer, metric, audit entry, process argument or environment.
func TestNoSecretComesToLight(t *testing.T) {
	w := newWorld(t)
	w.must(200, "c1", "POST", "/rpc_exec_update_user_info", `{"user_id":"c1"}`)
	w.task("own", "client.py", "fine", "server", spy)
	secrets := w.everyToken()
	secrets["key"], secrets["broker's password"], secrets["task's password"], secrets["operators' password"] = keyText, brokerPassword, taskPassword, accesstest.Password
	// Uses of each, right and wrong.
	w.ask("nobody", "POST", "/api/v1/session", `{"name":"admin","password":"`+accesstest.Password+`"}`)
	w.ask("nobody", "POST", "/api/v1/session", `{"name":"`+accesstest.Password+`","password":"`+accesstest.Password+`"}`)
	w.ask("nobody", "POST", "/api/v1/enrol", `{"user_id":"c9","token":"`+secrets["enrolment"]+`"}`)
	w.ask("nobody", "POST", "/api/v1/enrol", `{"user_id":"c9","token":"`+secrets["enrolment"]+`"}`)
	w.ask("operator", "PATCH", "/api/v1/tasks/own", `{"password":"`+taskPassword+`"}`, "If-Match", "*")
	w.ask("operator", "POST", "/rpc_exec_update_task", `{"task_id":"own","password":"`+taskPassword+`","port":"`+taskPassword+`"}`)
	for _, token := range secrets {
		w.send("http://"+w.files, "GET", "/download/own/client.py", nil, "Authorization", "Bearer "+token)
		w.send("http://"+w.files, "POST", "/upload_files", strings.NewReader("x"), "Authorization", "Bearer "+token)
		w.ask("nobody", "GET", "/api/v1/tasks", "", "Authorization", "Bearer "+token)
	}
	w.must(200, "operator", "POST", "/api/v1/tasks/own/start", "{}")
	spied := filepath.Join(w.data, "cloud", "spied")
	w.eventually("the task has looked around", func() bool {
		b, _ := os.ReadFile(spied)
		return bytes.Contains(b, []byte("spied-all"))
	})

	places := map[string]string{"the log": w.log.text()}
	b, err := os.ReadFile(spied)
	if err != nil {
		t.Fatal(err)
	}
	places["the task's environment, and all processes' arguments"] = string(b)
	for _, path := range []string{"/metrics", "/api/v1/tasks", "/api/v1/tasks/own", "/api/v1/tasks/own/files", "/api/v1/tasks/own/timeline", "/api/v1/events", "/api/v1/overview", "/api/v1/services",
		"/api/v1/operators", "/api/v1/tokens", "/api/v1/clients", "/api/v1/clients/c1", "/api/v1/clients/c1/credential", "/api/v1/executions", "/api/v1/events.json", "/api/v1/tasks/own/explain?client=c1"} {
		places[path] = w.must(200, "admin", "GET", path, "").body
	}
	if err := filepath.WalkDir(w.data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, _ := filepath.Rel(w.data, path)
		// The key's own file, the tasks' own record, and what tasks are told of the
		// configuration; see SECURITY.md.
		if name == "cloud.key" || strings.HasPrefix(name, "cloud-task-manager.db") || filepath.Base(name) == "config.ini" {
			return nil
		}
		b, err := os.ReadFile(path)
		places["the file "+name] = string(b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for where, text := range places {
		for what, secret := range secrets {
			if strings.Contains(text, secret) {
				at := strings.Index(text, secret)
				t.Errorf("the %s is in %s: %.200q", what, where, text[max(0, at-100):])
			}
		}
	}
}

// TestNoSecretFileIsOpenToOthers of the machine.
func TestNoSecretFileIsOpenToOthers(t *testing.T) {
	w := newWorld(t)
	w.task("own", "client.py", "fine")
	seen := 0
	for _, pattern := range []string{"*.db", "*.db-wal", "cloud.key", "config.ini", "*/config.ini", "audit/*"} {
		paths, err := filepath.Glob(filepath.Join(w.data, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			seen++
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			folder, err := os.Stat(w.data)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm()&0o077 != 0 && folder.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has the mode %s", path, info.Mode())
			}
		}
	}
	if seen < 4 {
		t.Errorf("only %d files were found", seen)
	}
}
