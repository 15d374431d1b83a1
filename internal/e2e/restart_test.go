package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/pkg/contract"
)

// Each service of the cloud is stopped and started on the same data, one after
// the other, while a client's task runs.
func TestCloudServicesRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set["rpc.timeout"] = "6" // the task manager gives the user manager 5 s
	users, gateway := w.serve(app.UserManager), w.serve(app.CloudGateway)
	tasks := w.serve(app.CloudTaskManager, keepTasks)
	w.task("a", "note('up')\n"+forever, "note('up')\n"+forever, func(r *contract.CreateTaskRequest) { r.SelectionCriteria = "data_qnt == 60" })
	w.task("idle", forever, forever, nil)
	w.start("a")
	w.serveClient()
	w.noted("client", "up")
	server, client := w.summary("a").PID, w.runs("a").PID

	users.stop()
	if a := w.post(getUser, `{"user_id":"ada"}`); a.status != http.StatusInternalServerError || !strings.Contains(a.text(), "user-manager") {
		t.Errorf("without the user manager: %d %s", a.status, a.body)
	}
	if a := w.post(askTasks, `{"user_id":"ada"}`); a.text() != contract.UserNotRetrieved("ada") {
		t.Errorf("without the user manager: %d %s", a.status, a.body)
	}
	w.serve(app.UserManager)
	if u := must(t, w.operator, contract.GetUser, contract.UserIDRequest{UserID: "ada"}); *u.DataQnt != 60 {
		t.Errorf("the user manager forgot the client: %+v", u)
	}

	tasks.stop()
	if a := w.post(getTask, `{"task_id":"a"}`); a.status != http.StatusInternalServerError || !strings.Contains(a.text(), "cloud-task-manager") {
		t.Errorf("without the task manager: %d %s", a.status, a.body)
	}
	tasks = w.serve(app.CloudTaskManager)
	if s := w.summary("a"); s.State != "running" || s.PID != server || len(w.notes("cloud", "up")) != 1 {
		t.Errorf("the task was not taken over: %+v, before %d", s, server)
	}
	if s := w.summary("idle"); s.State != "new" {
		t.Errorf("the other task: %+v", s)
	}

	gateway.stop()
	w.eventually("the client says that the cloud is away", func() bool { return strings.Contains(w.status().LastError, contract.CloudInvalid) })
	w.serve(app.CloudGateway)
	w.eventually("the client finds the cloud again", func() bool { return w.status().LastError == "" })
	if e := w.runs("a"); e.PID != client || len(w.notes("client", "up")) != 1 {
		t.Errorf("the client's task was disturbed: %+v, before %d", e, client)
	}

	// Without keep-tasks the tasks end with their manager.
	tasks.stop()
	if alive(server) {
		t.Error("the task outlived a manager that was to stop it")
	}
	w.serve(app.CloudTaskManager)
	if s := w.summary("a"); s.State != "stopped" || !strings.Contains(s.Reason, "the service stopped") {
		t.Errorf("the stopped task: %+v", s)
	}
	w.ended("a")
	w.start("a")
	w.eventually("the task runs again on both sides", func() bool { return len(w.notes("client", "up")) == 2 && len(w.notes("cloud", "up")) == 2 })
	if a := request(t, http.MethodGet, w.set["server.files.url"]+"/download/a/client.py", "", login("user", "123")); a.status != http.StatusOK {
		t.Errorf("its file: %d %s", a.status, a.body)
	}
}

// The same for the services of the client.
func TestClientServicesRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	w.task("bad", forever, "note('bad')\nsay(type='error', exception='no data')\n"+forever, nil)
	w.task("a", forever, "note('up')\n"+forever, nil)
	w.start("bad")
	w.start("a")
	gateway, manager := w.serve(app.ClientGateway), w.serve(app.ClientTaskManager, keepTasks)
	w.noted("client", "up")
	w.held("bad")
	pid := w.runs("a").PID

	gateway.stop()
	w.eventually("the client says that its gateway is away", func() bool { return strings.Contains(w.status().LastError, askTasks) })
	t.Log("without its gateway: ", w.status().LastError)
	w.serve(app.ClientGateway)
	w.eventually("the client asks for tasks again", func() bool { return w.status().LastError == "" })
	if e := w.runs("a"); e.PID != pid {
		t.Errorf("the client's task was disturbed: %+v, before %d", e, pid)
	}

	manager.stop()
	if !alive(pid) {
		t.Fatal("the task ended with a manager that was to keep it")
	}
	manager = w.serve(app.ClientTaskManager)
	if e := w.runs("a"); e.PID != pid || len(w.notes("client", "up")) != 1 {
		t.Errorf("the task was not taken over: %+v, before %d", e, pid)
	}
	if reason := w.held("bad"); reason != "report_error" {
		t.Errorf("the quarantine: %s", reason)
	}

	manager.stop()
	if alive(pid) {
		t.Error("the task outlived a manager that was to stop it")
	}
	w.serve(app.ClientTaskManager)
	w.eventually("the task runs again", func() bool { return len(w.notes("client", "up")) == 2 })
	if n := len(w.notes("client", "bad")); n != 1 {
		t.Errorf("the task in quarantine was run %d times", n)
	}
}

// A server that ends while no manager looks is known for what it did.
func TestServerEndsWhileItsManagerIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	manager := w.serve(app.CloudTaskManager, keepTasks)
	w.task("good", "note('good')\nwhile not os.path.exists(os.path.join(sys.argv[1], 'go')): time.sleep(0.02)\nsay(type='model', round='7', acc='0.9')\nsay(type='info', info='Finished')\n", "", nil)
	w.task("bad", "note('bad')\nwhile not os.path.exists(os.path.join(sys.argv[1], 'go')): time.sleep(0.02)\nsys.exit('out of data')\n", "", nil)
	w.start("good")
	w.start("bad")
	good, bad := number(t, w.noted("cloud", "good")), number(t, w.noted("cloud", "bad"))
	manager.stop()
	w.note("cloud", "go")
	w.eventually("both have ended", func() bool { return !alive(good) && !alive(bad) })
	w.serve(app.CloudTaskManager)
	if s := w.becomes("good", "finished"); s.Round != "7" || s.Acc != "0.9" {
		t.Errorf("good: %+v", s)
	}
	if s := w.becomes("bad", "failed"); !strings.Contains(s.Reason, "exit code 1") || !strings.Contains(s.Reason, "out of data") {
		t.Errorf("bad: %+v", s)
	}
}
