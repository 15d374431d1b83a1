package api

import (
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestLifeOfATask(t *testing.T) {
	w := newWorld(t, nil)
	a := w.ask("POST", "/tasks", newTask("t 1"))
	if p := w.wantProblem(a, 400, "invalid"); !strings.Contains(p.Fields["task_id"], "letters, digits") {
		t.Errorf("fields %v", p.Fields)
	}
	a = w.ask("POST", "/tasks", newTask("t1"))
	task := decode[TaskDetail](w, a, 201)
	if a.header.Get("Location") != "/api/v1/tasks/t1" || a.header.Get("ETag") == "" || a.header.Get("Cache-Control") != "no-store" ||
		task.ID != "t1" || !task.PasswordSet || strings.Contains(a.body, "secret") || strings.Contains(a.body, `"password"`) || strings.Contains(a.body, `"tags":null`) {
		t.Errorf("got %v %s", a.header, a.body)
	}
	if p := w.wantProblem(w.ask("POST", "/tasks", newTask("t1")), 409, "conflict"); p.Fields["task_id"] != "is taken" {
		t.Errorf("fields %v", p.Fields)
	}
	if p := w.wantProblem(w.ask("POST", "/tasks/t1/start", nil), 409, "conflict"); !strings.Contains(p.Hint, "/tasks/t1/files/server.py") {
		t.Errorf("hint %q", p.Hint)
	}
	if a := w.ask("PUT", "/tasks/t1/files/server.py", "print()"); a.status != 201 {
		t.Fatalf("upload: %d %s", a.status, a.body)
	}
	a = w.ask("POST", "/tasks/t1/start", map[string]string{"arguments": "-v"})
	if task := decode[TaskDetail](w, a, 200); task.State != "running" || a.header.Get("ETag") == "" {
		t.Errorf("got %s", a.body)
	}
	w.wantProblem(w.ask("POST", "/tasks/t1/start", nil), 409, "conflict")
	w.wantProblem(w.ask("DELETE", "/tasks/t1", nil), 409, "conflict")
	if task := decode[TaskDetail](w, w.ask("POST", "/tasks/t1/stop", nil), 200); task.State != "stopped" {
		t.Errorf("got %+v", task)
	}
	if p := w.wantProblem(w.ask("POST", "/tasks/t1/stop", nil), 409, "conflict"); !strings.Contains(p.Detail, "is not running") {
		t.Errorf("problem %+v", p)
	}
	if a := w.ask("DELETE", "/tasks/t1", nil); a.status != 204 || a.body != "" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for _, call := range [][2]string{{"GET", ""}, {"DELETE", ""}, {"POST", "/start"}, {"POST", "/stop"}, {"GET", "/files"}, {"GET", "/logs"}, {"GET", "/logs/live"}, {"GET", "/clients"},
		{"GET", "/files/a"}, {"PUT", "/files/a"}} {
		if p := w.wantProblem(w.ask(call[0], "/tasks/t1"+call[1], nil), 404, "not_found"); !strings.Contains(p.Detail, contract.TaskNotRegistered("t1")) {
			t.Errorf("%v: %+v", call, p)
		}
	}
}

func TestRevisionsOfATask(t *testing.T) {
	w := newWorld(t, nil)
	first := w.ask("POST", "/tasks", newTask("t1")).header.Get("ETag")
	show := func(header ...string) answer { return w.ask("GET", "/tasks/t1", nil, header...) }
	if a := show("If-None-Match", first); a.status != 304 || a.body != "" || a.header.Get("ETag") != first {
		t.Errorf("got %d %v", a.status, a.header)
	}
	w.cloud.with(func(c *cloud) { c.tasks["t1"].State = "running" }) // no operator did that
	moved := show("If-None-Match", first)
	if moved.status != 200 || moved.header.Get("ETag") == first {
		t.Errorf("a task that stands otherwise is told as unchanged: %d %v", moved.status, moved.header)
	}
	change := func(port int, header ...string) answer {
		return w.ask("PATCH", "/tasks/t1", map[string]int{"port": port}, header...)
	}
	w.wantProblem(change(1), 428, "precondition_required")
	w.wantProblem(change(1, "If-Match", "7"), 400, "invalid")
	a := change(1, "If-Match", first) // its revision is still this one
	if task := decode[TaskDetail](w, a, 200); task.Port != 1 || task.Revision != 2 || a.header.Get("ETag") == first {
		t.Errorf("got %s", a.body)
	}
	w.wantProblem(change(2, "If-Match", first), 412, "precondition_failed")
	w.wantProblem(w.ask("DELETE", "/tasks/t1", nil, "If-Match", `"1"`), 412, "precondition_failed")
	if task := decode[TaskDetail](w, change(3, "If-Match", `"2"`), 200); task.Port != 3 {
		t.Errorf("got %+v", task)
	}
	if task := decode[TaskDetail](w, change(4, "If-Match", `*`), 200); task.Port != 4 || task.Revision != 4 {
		t.Errorf("got %+v", task)
	}
	w.cloud.with(func(c *cloud) { c.tasks["t1"].State = "stopped" })
	if a := w.ask("DELETE", "/tasks/t1", nil, "If-Match", `"4"`); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestPagesOfTasks(t *testing.T) {
	w := newWorld(t, nil)
	for _, id := range []string{"a", "b", "c"} {
		w.ask("POST", "/tasks", newTask(id))
	}
	var seen []string
	for cursor := ""; ; {
		page := decode[contract.TaskList](w, w.ask("GET", "/tasks?limit=2&cursor="+cursor, nil), 200)
		for _, task := range page.Tasks {
			seen = append(seen, task.ID)
		}
		if page.Total != 3 {
			t.Errorf("total %d", page.Total)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if strings.Join(seen, "") != "abc" {
		t.Errorf("got %v", seen)
	}
	if a := w.ask("GET", "/tasks?state=running", nil); a.status != 200 || a.body != `{"tasks":[],"total":0}` {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestLogsOfATask(t *testing.T) {
	w := newWorld(t, nil)
	w.ask("POST", "/tasks", newTask("t1"))
	if a := w.ask("GET", "/tasks/t1/logs", nil); a.body != `{"lines":[],"next":"0"}` {
		t.Errorf("got %s", a.body)
	}
	w.cloud.with(func(c *cloud) { c.lines = []string{"a", "b", "c"} })
	logs := decode[contract.Logs](w, w.ask("GET", "/tasks/t1/logs?lines=2", nil), 200)
	if strings.Join(logs.Lines, "") != "bc" || logs.Next != "3" {
		t.Errorf("got %+v", logs)
	}
	if p := w.wantProblem(w.ask("GET", "/tasks/t1/logs?after=x", nil), 400, "invalid"); p.Fields["after"] == "" {
		t.Errorf("problem %+v", p)
	}
}

func TestCriteriaAreChecked(t *testing.T) {
	w := newWorld(t, nil)
	if a := w.ask("POST", "/criteria/check", map[string]string{"expression": ""}); a.status != 200 || !strings.Contains(a.body, `"sample":[]`) {
		t.Errorf("got %d %s", a.status, a.body)
	}
	bad := newTask("t1")
	bad.SelectionCriteria = "data_qnt >"
	if p := w.wantProblem(w.ask("POST", "/tasks", bad), 400, "invalid"); !strings.HasPrefix(p.Fields["selection_criteria"], "column 11: ") {
		t.Errorf("fields %v", p.Fields)
	}
	bad = newTask("t1")
	bad.FilesPaths = []string{".."} // the service refuses it
	if p := w.wantProblem(w.ask("POST", "/tasks", bad), 400, "invalid"); !strings.HasPrefix(p.Fields["files_paths"], "refused file name") {
		t.Errorf("fields %v, detail %s", p.Fields, p.Detail)
	}
	w.ask("POST", "/tasks", newTask("t2"))
	if p := w.wantProblem(w.ask("PATCH", "/tasks/t2", map[string]string{"selection_criteria": "("}, "If-Match", "*"), 400, "invalid"); p.Fields["selection_criteria"] == "" {
		t.Errorf("fields %v", p.Fields)
	}
}
