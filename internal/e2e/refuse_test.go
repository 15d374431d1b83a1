package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// What is not right is refused with the same words at the gateway and on the
// broker, and leaves everything as it was.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	w.task("a", forever, "", nil)
	body := func(change string) string {
		return fmt.Sprintf(`{"task_id":"b","host":"h","port":1,"username":"u","password":"p","files_paths":["client.py"]%s}`, change)
	}
	replaced := func(old, new string) string { return strings.Replace(body(""), old, new, 1) }
	for name, tc := range map[string]struct {
		fn, body string
		status   int
		parts    []string // of the text
	}{
		"malformed":        {create, `{"task_id":`, 400, []string{"JSON"}},
		"empty":            {create, ``, 400, []string{"JSON"}},
		"a list":           {create, `[]`, 400, []string{"object"}},
		"a text":           {getTask, `"a"`, 400, []string{"object"}},
		"two objects":      {getTask, `{"task_id":"a"}{"task_id":"a"}`, 400, []string{"JSON"}},
		"not UTF-8":        {getTask, "{\"task_id\":\"\xff\"}", 400, []string{"UTF-8"}},
		"huge":             {getTask, `{"task_id":"` + strings.Repeat("x", 2<<20) + `"}`, 400, []string{"1048576"}},
		"huge and absurd":  {getTask, strings.Repeat("[", 2<<20), 400, []string{"1048576"}},
		"deep":             {getTask, strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), 400, nil},
		"wrong type":       {create, replaced(`"port":1`, `"port":"1"`), 400, []string{"port"}},
		"a number of 1e99": {create, replaced(`"port":1`, `"port":1e99`), 400, []string{"port"}},
		"port too large":   {create, replaced(`"port":1`, `"port":65536`), 400, []string{"port"}},
		"port too small":   {create, replaced(`"port":1`, `"port":-1`), 400, []string{"port"}},
		"port of update":   {update, `{"task_id":"a","port":70000}`, 400, []string{"port"}},
		"no host":          {create, replaced(`"host":"h",`, ``), 400, []string{"host"}},
		"unknown argument": {create, body(`,"colour":"red"`), 400, []string{"colour"}},
		"in another case":  {getTask, `{"Task_ID":"a"}`, 400, []string{"Task_ID"}},
		"file out":         {create, replaced(`client.py`, `../../etc/passwd`), 400, []string{"files_paths", "../../etc/passwd"}},
		"file absolute":    {create, replaced(`client.py`, `/etc/passwd`), 400, []string{"files_paths", "/etc/passwd"}},
		"file in disguise": {create, replaced(`client.py`, `a/../../b`), 400, []string{"files_paths"}},
		"task out":         {create, replaced(`"task_id":"b"`, `"task_id":"../b"`), 400, []string{"task_id"}},
		"bad arguments":    {create, body(`,"server_arguments":"'open"`), 400, []string{"server_arguments"}},
		"bad criteria":     {create, body(`,"selection_criteria":"data_qnt > "`), 400, []string{"column"}},
		"bad new criteria": {update, `{"task_id":"a","selection_criteria":"(a"}`, 400, []string{"column"}},
		"duplicate":        {create, replaced(`"task_id":"b"`, `"task_id":"a"`), 500, []string{"UNIQUE constraint failed: tasks.ID"}},
		"no server":        {start, `{"task_id":"c"}`, 500, []string{"Task with ID=c not registered"}},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(where string, status int, text string) {
				t.Helper()
				if status != tc.status || status == 400 && !strings.HasPrefix(text, tc.fn+" cannot be executed due to invalid arguments: ") {
					t.Errorf("%s: %d %.300s", where, status, text)
				}
				for _, part := range tc.parts {
					if !strings.Contains(text, part) {
						t.Errorf("%s: %.300q does not tell of %s", where, text, part)
					}
				}
			}
			a := w.post(tc.fn, tc.body)
			check("at the gateway", a.status, a.text())
			r := rawCall(t, w.cloud, tc.fn, []byte(tc.body))
			check("on the broker", r.status, r.exception)
		})
	}
	if tasks := must(t, w.operator, contract.ListTasks, contract.ListTasksRequest{}).Tasks; len(tasks) != 1 || tasks[0].State != "new" {
		t.Errorf("something was changed: %+v", tasks)
	}
}

// A task without its files is not started, and the text says what to do.
func TestMissingFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cloud := w.serveCloud()
	must(t, w.operator, contract.CreateTask, contract.CreateTaskRequest{TaskID: "a", Host: "h", FilesPaths: []string{}})
	fails := func(parts ...string) {
		t.Helper()
		a := w.post(start, justA)
		for _, part := range parts {
			if a.status != 500 || !strings.Contains(a.text(), part) {
				t.Errorf("got %d %s, which does not tell of %s", a.status, a.body, part)
			}
		}
		if s := w.summary("a"); s.State == "running" {
			t.Errorf("the task: %+v", s)
		}
	}
	fails("Directory '" + filepath.Join(w.dir, "cloud", "cloud", "tasks", "task_a") + "' does not exist.")
	w.upload("a", "client.py", "pass")
	fails("server.py", "upload")
	cloud.stop()
	w.set["tasks.python"] = "/absent/python3"
	w.serveCloud()
	w.upload("a", "server.py", "pass")
	fails("/absent/python3")
}

const justA = `{"task_id":"a"}`

// No name leads out of a task's folder, whichever door it knocks at.
func TestPathsStayInside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	w.task("a", forever, "pass\n", nil)
	w.task("b", forever, "secret\n", nil)
	secret := filepath.Join(w.dir, "cloud", "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, w.dir)
	for _, name := range []string{"../x.py", "../task_b/server.py", "/tmp/x.py", "a/../../x.py", `..\x.py`, "..", ".", "a\x00.py", "x.partial"} {
		if a := w.upload("a", name, "evil"); a.status != http.StatusBadRequest {
			t.Errorf("upload of %q: %d %s", name, a.status, a.body)
		}
	}
	for _, task := range []string{"../b", "a/../b", "/", "..", "", "a\x00"} {
		if a := w.upload(task, "x.py", "evil"); a.status != http.StatusBadRequest {
			t.Errorf("upload to task %q: %d %s", task, a.status, a.body)
		}
	}
	if a := w.upload("a", "good.py", "good", "../x.py", "evil"); a.status != http.StatusBadRequest {
		t.Errorf("upload of a good and a bad name: %d %s", a.status, a.body)
	}
	if after := tree(t, w.dir); after != before {
		t.Errorf("refused uploads changed the folders from\n%s\nto\n%s", before, after)
	}
	for _, path := range []string{"a/../b/client.py", "a/..%2fb%2fclient.py", "a/%2e%2e/task_b/client.py", "a/../../../secret", "a//client.py", "a/%00", "a/..%5c..%5csecret", "a/" + secret} {
		a := request(t, http.MethodGet, w.set["server.files.url"]+"/download/"+path, "", login("user", "123"))
		if a.status != http.StatusNotFound || strings.Contains(a.body, "secret\n") {
			t.Errorf("download of %s: %d %s", path, a.status, a.body)
		}
	}
}

// tree lists the files of a world's tasks.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(filepath.Join(dir, "cloud", "cloud"), func(path string, _ os.DirEntry, err error) error {
		list = append(list, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, "\n")
}

// Criteria that would take for ever, or do not fit a client, keep it out and do
// not hold up the list of others.
func TestHardCriteria(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	for id, criteria := range map[string]string{
		"bomb": "9**9**9 > data_qnt", "text": `"x" * 10**9 == ID`, "list": "len(sensors * 10**9) > 0", "unknown": "gpu > 1", "typed": `data_qnt > "a"`,
		"nested": strings.Repeat("(", 5000) + "data_qnt" + strings.Repeat(")", 5000), "fits": "data_qnt > 1",
	} {
		body, err := json.Marshal(contract.CreateTaskRequest{TaskID: id, Host: "h", FilesPaths: []string{}, SelectionCriteria: criteria})
		if err != nil {
			t.Fatal(err)
		}
		w.upload(id, "server.py", prelude+forever)
		began := time.Now()
		a := w.post(create, string(body))
		if took := time.Since(began); took > time.Second {
			t.Errorf("the creation of %s took %s", id, took)
		}
		switch a.status {
		case 200:
			w.start(id)
		case 400: // refused at once is as good
			t.Logf("%s is refused: %.200s", id, a.text())
		default:
			t.Errorf("%s: %d %.200s", id, a.status, a.body)
		}
	}
	must(t, w.operator, contract.UpdateUser, contract.UpdateUserRequest{UserID: "ada", DataQnt: new(int64(60))})
	began := time.Now()
	tasks := must(t, w.operator, contract.RequestTasks, contract.UserIDRequest{UserID: "ada"})
	if took := time.Since(began); took > time.Second {
		t.Errorf("the list took %s", took)
	}
	if len(tasks) != 1 || tasks[0].ID != "fits" {
		t.Errorf("offered: %+v", tasks)
	}
	why := must(t, w.operator, contract.ExplainTask, contract.ExplainRequest{TaskID: "unknown", UserID: "ada"})
	text, err := json.Marshal(why)
	if err != nil || why.Offered || !strings.Contains(string(text), "gpu") {
		t.Errorf("why not: %s", text)
	}
}
