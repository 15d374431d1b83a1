package clienttaskmanager_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	clienttaskmanager "github.com/agata-fl/agata/services/client-task-manager"
)

const (
	forever  = "while True: time.sleep(1)\n"
	finishes = "event('Finished client')\nsay(type='info', info='Finished')\n" + forever
	fails    = "event('Error!')\nsay(type='error', exception='no data')\n" + forever
)

func TestATaskRunsToItsEnd(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", finishes))
	b.start(nil)
	b.await(1, "Finished handling task a finalization")
	b.running()
	want := []string{
		"Started", "Started getting client stats for sending", "Finished getting client stats for sending",
		"Started requesting task", "Finished requesting task", "Started downloading task", "Finished downloading task",
		"Started client task initialization", "Finish client task initialization", "Started client", "Finished client",
		"Started handling task a finalization", "Finished handling task a finalization",
	}
	at := 0
	for _, e := range b.events.Events() {
		if at < len(want) && e.Event == want[at] {
			at++
		}
	}
	if at < len(want) {
		list, _ := json.Marshal(b.events.Events())
		t.Errorf("the timeline lacks %q in its place:\n%s", want[at], list)
	}
	// It is still offered, since its server has not finished yet: not run again.
	time.Sleep(600 * time.Millisecond)
	if n := b.count("Started client"); n != 1 {
		t.Errorf("the finished task was run %d times", n)
	}
}

func TestOnAnErrorTheNextTaskStartsAtOnce(t *testing.T) {
	b := setup(t)
	b.offer(b.task("E", fails), b.task("C", forever))
	b.start(func(o *clienttaskmanager.Options) { o.Interval = time.Minute })
	b.await(1, "Finished handling error from task E")
	started := b.await(2, "Finish client task initialization")
	took := started - b.await(1, "Error!")
	t.Logf("from Error! to the next process: %.1f ms", took*1e3)
	if took > 5 { // far under the interval; the target itself is a benchmark's
		t.Errorf("the next task started %.1f s after the error", took)
	}
	b.running("C")
	if r := b.quarantined("E"); r != "report_error" {
		t.Errorf("E is in quarantine for %s", r)
	}
}

func TestAKilledTaskIsAFailedTask(t *testing.T) {
	b := setup(t)
	b.offer(b.task("K", forever), b.task("C", forever))
	b.start(func(o *clienttaskmanager.Options) { o.Interval = time.Minute })
	b.await(1, "Started client")
	pid := b.running("K")
	killed := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	noticed := b.await(1, "Started handling error from task K")
	if took := noticed - float64(killed.UnixNano())/1e9; took > 1 {
		t.Errorf("the kill was noticed after %.2f s", took)
	}
	b.running("C")
	if r := b.quarantined("K"); r != "signaled" {
		t.Errorf("K is in quarantine for %s", r)
	}
}

func TestASilentExitIsAFailure(t *testing.T) {
	for name, tc := range map[string]struct{ body, reason string }{
		"code 3":                  {"sys.exit(3)", "exit_nonzero"},
		"code 0":                  {"sys.exit(0)", "exited"},
		"half a line of a report": {"sys.stdout.write('{\"type\": \"info\", \"info\": \"Fin'); sys.stdout.flush(); sys.exit(1)", "exit_nonzero"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.offer(b.task("S", tc.body))
			b.start(nil)
			if r := b.quarantined("S"); r != tc.reason {
				t.Errorf("in quarantine for %s, want %s", r, tc.reason)
			}
		})
	}
}

func TestQuarantineEndsWithNewFilesOrARelease(t *testing.T) {
	b := setup(t)
	offer := b.task("Q", fails)
	b.offer(offer)
	stop := b.start(nil)
	b.quarantined("Q")
	time.Sleep(700 * time.Millisecond)
	if n := b.count("Started client"); n != 1 {
		t.Fatalf("the task in quarantine was run %d times", n)
	}
	// It is kept over a restart.
	stop()
	b.start(nil)
	time.Sleep(700 * time.Millisecond)
	if n := b.count("Started client"); n != 1 {
		t.Fatalf("after a restart the task in quarantine was run again")
	}
	if n := b.count("Started handling error from task Q"); n != 1 {
		t.Errorf("one failure was handled %d times", n)
	}
	// A release lets it run, and fail, once more.
	if _, err := rpc.Call(t.Context(), b.transport, contract.ReleaseTask, contract.TaskIDRequest{TaskID: "Q"}); err != nil {
		t.Fatal(err)
	}
	b.await(2, "Started client")
	b.quarantined("Q")
	if _, err := rpc.Call(t.Context(), b.transport, contract.ReleaseTask, contract.TaskIDRequest{TaskID: "other"}); rpc.CodeOf(err) != rpc.NotFound {
		t.Errorf("the release of a task that is not held: %v", err)
	}
	// New files end it by themselves.
	b.task("Q", "# mended\n"+forever)
	b.running("Q")
}

func TestANeverAnsweringServerIsNotTheTasksFault(t *testing.T) {
	b := setup(t)
	b.offer(b.task("T", "sys.exit(75)"))
	b.start(func(o *clienttaskmanager.Options) { o.RestartAttempts = 100 })
	b.await(2, "Started client") // tried again, after a back-off
	if st := b.status(); len(st.Quarantined) != 0 {
		t.Errorf("quarantine: %+v", st.Quarantined)
	}
}

func TestATaskThatCannotBeFetchedIsPassedOver(t *testing.T) {
	b := setup(t)
	missing := b.task("M", forever)
	missing.FilesPaths = append(missing.FilesPaths, "absent.py")
	escaping := b.task("P", forever)
	escaping.FilesPaths = []string{"../../escape.py"}
	wrong := b.task("W", forever)
	wrong.Password = "nonsense"
	b.offer(missing, escaping, wrong, b.task("ok", forever))
	b.start(nil)
	b.running("ok")
	if _, err := os.Stat(filepath.Join(b.dir, "escape.py")); err == nil {
		t.Error("a file escaped its folder")
	}
}

func TestPolicyAllRunsUpToItsBound(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", forever), b.task("b", forever), b.task("c", forever))
	b.start(func(o *clienttaskmanager.Options) { o.Policy = clienttaskmanager.PolicyAll })
	pid := b.running("a", "b")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.running("b", "c")
}

func TestATaskThatIsOfferedNoMoreIsStopped(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", forever))
	b.start(nil)
	pid := b.running("a")
	b.offer()
	b.running()
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("its process is still there")
	}
	if st := b.status(); len(st.Quarantined) != 0 {
		t.Errorf("a stop is no failure, yet: %+v", st.Quarantined)
	}
}

func TestTheCloudMayBeAway(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", forever))
	b.start(nil)
	pid := b.running("a")
	b.setAway(true)
	testenv.Eventually(t, patience, "the client says what is wrong", func() bool {
		return strings.Contains(b.status().LastError, contract.CloudInvalid)
	})
	if got := b.running("a"); got != pid {
		t.Errorf("the task was restarted while the cloud was away")
	}
	polls := b.pollsSoFar()
	b.setAway(false)
	testenv.Eventually(t, patience, "the client asks again", func() bool { return b.pollsSoFar() > polls+2 })
	b.mu.Lock()
	told := len(b.told)
	b.forgot = told
	b.mu.Unlock()
	if told != 1 {
		t.Errorf("the client told of itself %d times, though the cloud was away for a moment only", told)
	}
	testenv.Eventually(t, patience, "the client tells of itself again to a cloud that does not know it", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.told) > told
	})
	if got := b.running("a"); got != pid {
		t.Errorf("the task was restarted when the cloud came back")
	}
}

// A half-open connection to the cloud holds up nothing that the client can do
// itself: an end is seen, the next task on the last list starts, a stop is obeyed.
func TestTheCloudMayBeSilent(t *testing.T) {
	b := setup(t)
	b.offer(b.task("K", forever), b.task("C", forever))
	b.start(nil)
	b.await(1, "Started client")
	pid := b.running("K")
	b.setSilent(true)
	polls := b.pollsSoFar()
	testenv.Eventually(t, patience, "the client waits for the cloud's answer", func() bool { return b.pollsSoFar() > polls })
	killed := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.running("C")
	b.wake("C", contract.ChangeStopped)
	b.running()
	took := time.Since(killed)
	t.Logf("the next task ran, and was stopped, %s after the end of the one before", took)
	if took > 7*time.Second { // a call to the cloud is given up after 10 s
		t.Errorf("the next task ran, and was stopped, only %s after the end of the one before", took)
	}
	if n := b.pollsSoFar(); n != polls+1 {
		t.Errorf("%d polls at once", n-polls)
	}
	b.setSilent(false)
	b.offer(b.task("D", forever))
	b.running("D")
}

func TestARestartedManagerTakesTheTaskOver(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", forever))
	keep := func(o *clienttaskmanager.Options) { o.KeepTasks = true }
	stop := b.start(keep)
	b.await(1, "Started client")
	pid := b.running("a")
	stop()
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the task ended with its manager: %v", err)
	}
	stop = b.start(nil)
	if got := b.running("a"); got != pid {
		t.Errorf("pid %d became %d", pid, got)
	}
	if n := b.count("Started client"); n != 1 {
		t.Errorf("the task was started %d times", n)
	}
	stop() // without KeepTasks the task ends with the manager
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the task outlived a manager that was to stop it")
	}
}

func TestTheCloudIsToldWhatTheClientHas(t *testing.T) {
	b := setup(t)
	b.start(nil)
	told := func(n int) contract.UpdateUserRequest {
		t.Helper()
		testenv.Eventually(t, patience, "the client tells of itself", func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			return len(b.told) >= n
		})
		return b.told[n-1]
	}
	first := told(1)
	if first.UserID != "ada" || *first.DataQnt != 7 || (*first.Sensors)[0] != "camera" || first.Attributes["gpu"] != true || first.AvgAccContrib != nil {
		t.Errorf("told %+v", first)
	}
	// What a task changes in the file is told at the next poll, and only then.
	path := filepath.Join(b.dir, "work", "client_info", "ada_info.json")
	if err := os.WriteFile(path, []byte(`{"user_id":"ada","data_qnt":9,"avg_acc_contrib":0.5}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if second := told(2); *second.DataQnt != 9 || *second.AvgAccContrib != 0.5 {
		t.Errorf("told %+v", second)
	}
	time.Sleep(time.Second)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.told) != 2 {
		t.Errorf("the client told %d times, 2 changes", len(b.told))
	}
}

func TestNewRefusesBadOptions(t *testing.T) {
	b := setup(t)
	for name, adjust := range map[string]func(*clienttaskmanager.Options){
		"user id with a path": func(o *clienttaskmanager.Options) { o.UserID = "../ada" },
		"no user id":          func(o *clienttaskmanager.Options) { o.UserID = "" },
		"unknown policy":      func(o *clienttaskmanager.Options) { o.Policy = "some" },
		"no interval":         func(o *clienttaskmanager.Options) { o.Interval = 0 },
	} {
		opt := clienttaskmanager.Options{UserID: "a", Policy: "one", Interval: time.Second, MaxTasks: 1}
		opt.Base.Transport, opt.Base.Schemas = b.transport, b.schemas
		adjust(&opt)
		if _, err := clienttaskmanager.New(opt); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
