package chaos

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// faultProgram is the client's side of a task that fails, in one of many ways:
// some at once, some when the harness says go. It notes when.
const faultProgram = `import json, os, signal, socket, sys, time
folder = os.path.join(sys.argv[1], "chaos")
os.makedirs(folder, exist_ok=True)
task = os.environ["AGATA_TASK_ID"]
own = os.open(os.path.join(folder, ".".join((task, "client", os.environ["AGATA_EXECUTION_ID"]))), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
def note(*words): os.write(own, (" ".join(map(str, words)) + "\n").encode())
def say(**report): os.write(1, (json.dumps(report) + "\n").encode())
def fault(): note("fault", os.getpid(), time.time())
def go():
    while not os.path.exists(os.path.join(folder, "go." + task)):
        time.sleep(0.01)
note("start", os.getpid(), time.time())
say(type="info", info="Started")
kind = sys.argv[2]
if kind == "bad-import":
    fault()
    import a_module_that_nobody_has
if kind == "port-taken":
    fault()
    try:
        socket.socket().bind(("127.0.0.1", int(sys.argv[3])))
    except OSError as e:
        say(type="error", exception=str(e))
        time.sleep(1000)
go()
if kind == "out-of-memory":
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))
    full = []
    try:
        while True: full.append(bytearray(8 << 20))
    except MemoryError:
        full.clear()
        fault()
        raise
fault()
if kind == "exit-1": sys.exit(1)
if kind == "segfault": os.kill(os.getpid(), signal.SIGSEGV)
if kind == "kernel-out-of-memory":
    full = []
    while True: full.append(bytearray(b"x" * (8 << 20)))
time.sleep(1000)
`

// quietServer is the server side of such a task: it is there, and does nothing.
const quietServer = "import time\ntime.sleep(100000)\n"

// taskFault is a way in which a task fails at a client.
type taskFault struct {
	name    string
	reason  string        // that the client must give
	atStart bool          // it fails as soon as it is started
	after   time.Duration // its moment is that much later than its note: before, nobody can tell
	strike  func(f *faultRun, l Live) error
}

// taskFaults are those of a campaign. The kernel's own killing for want of memory
// needs a memory cgroup that can be made here; without one the task meets a limit
// of its address space, and says so itself.
func taskFaults(memory bool) []taskFault {
	all := []taskFault{
		{name: "exit-1", reason: "exit_nonzero"},
		{name: "sigkill", reason: "signaled", strike: func(_ *faultRun, l Live) error { return syscall.Kill(l.PID, syscall.SIGKILL) }},
		{name: "segfault", reason: "signaled"},
		{name: "out-of-memory", reason: "exit_nonzero"},
		{name: "bad-import", reason: "exit_nonzero", atStart: true},
		{name: "bad-digest", reason: "bad_digest", atStart: true},
		{name: "port-taken", reason: "report_error", atStart: true},
		{name: "hang", reason: "stalled", after: stall},
	}
	if memory {
		all = append(all, taskFault{name: "kernel-out-of-memory", reason: "oom_killed", strike: (*faultRun).confine})
	}
	return all
}

// faultRun is one task fault on one system.
type faultRun struct {
	s     *System
	id    string
	taken net.Listener // the port that is taken
	group string       // the memory cgroup, if one was made
}

// outcome is what became of one fault.
type outcome struct {
	noticed bool
	reason  string
	next    time.Duration // until the next task's process ran
}

const (
	// victimCriteria let the first client in alone, on which tasks fail.
	victimCriteria = "data_qnt > 50"
	// stall is how long a task of the campaign may be silent.
	stall = 3 * time.Second
	// faultBound is how long anything of one fault may take.
	faultBound = 15 * time.Second
)

// play lets one task fail while another one waits for its place, and tells what
// the client made of it.
func (f *faultRun) play(ctx context.Context, kind taskFault, wait time.Duration) (o outcome, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 8*faultBound, fmt.Errorf("the fault %s did not play within %s", kind.name, 8*faultBound))
	defer cancel()
	defer f.s.links[link(clients[0]+"-manager", "files")].Tamper(nil)
	client := clients[0]
	bad, next := &wanted{id: f.id + "-bad"}, &wanted{id: f.id + "-next"}
	port := f.taken.Addr().(*net.TCPAddr).Port
	for _, t := range []struct {
		*wanted
		program, arguments string
	}{{bad, faultProgram, fmt.Sprintf("%s %d", kind.name, port)}, {next, program, ""}} {
		if err := f.prepare(ctx, t.wanted, t.program, t.arguments); err != nil {
			return o, err
		}
	}
	var tampered chan time.Time
	if kind.name == "bad-digest" {
		tampered = f.tamper(link(client+"-manager", "files"))
	}
	// Both are offered at once: the client looks the other way meanwhile.
	manager := f.s.processes[client+"-manager"]
	manager.signal(syscall.SIGSTOP)
	for _, w := range []*wanted{bad, next} {
		if err := f.s.act(ctx, w, Step{Do: Start}); err != nil {
			manager.signal(syscall.SIGCONT)
			return o, err
		}
	}
	manager.signal(syscall.SIGCONT)
	began, err := f.strike(ctx, kind, bad.id, tampered, wait)
	if err != nil {
		return o, err
	}
	if began, err = f.begun(ctx, bad.id, began); err != nil {
		return o, err
	}
	began = began.Add(kind.after)
	o.next, err = f.succeeded(ctx, next.id, began)
	if err != nil {
		return o, err
	}
	if o.reason, err = f.why(ctx, bad.id, kind.name == "bad-digest"); err != nil {
		return o, err
	}
	o.noticed = o.reason != ""
	return o, f.tidy(ctx, bad, next)
}

// prepare registers a task that only the victim may run.
func (f *faultRun) prepare(ctx context.Context, w *wanted, text, arguments string) error {
	req := contract.CreateTaskRequest{TaskID: w.id, Host: "127.0.0.1", Port: 1, Username: "u", Password: "p",
		FilesPaths: []string{"client.py"}, SelectionCriteria: victimCriteria, ClientArguments: &arguments}
	if err := f.s.send(ctx, "POST", "/tasks", w.id, req, nil); err != nil {
		return fmt.Errorf("register task %s: %w", w.id, err)
	}
	w.set("new")
	return writeProgram(filepath.Join(f.s.cloudWork(), "tasks", "task_"+w.id), map[string]string{"server.py": quietServer, "client.py": text})
}

// strike makes a running task fail, and tells when, if the harness knows; tasks
// note it themselves otherwise.
func (f *faultRun) strike(ctx context.Context, kind taskFault, task string, tampered <-chan time.Time, wait time.Duration) (began time.Time, err error) {
	if tampered != nil {
		select {
		case began = <-tampered:
			return began, nil
		case <-ctx.Done():
			return began, context.Cause(ctx)
		}
	}
	if kind.atStart {
		return began, nil
	}
	var l Live
	err = f.until(ctx, "task "+task+" runs", func() bool {
		live, _ := f.s.scan.Of(f.s.dir)
		i := slices.IndexFunc(live, func(x Live) bool { return x.Task == task && x.Side == "client" })
		if i >= 0 {
			l = live[i]
		}
		return i >= 0
	})
	if err != nil {
		return began, err
	}
	sleep(ctx, wait)
	if kind.strike != nil {
		began = time.Now()
		if err := kind.strike(f, l); err != nil {
			return began, err
		}
		if kind.name == "sigkill" {
			return began, nil
		}
	}
	return time.Time{}, writeProgram(filepath.Join(f.s.clientWork(clients[0]), "chaos"), map[string]string{"go." + task: ""})
}

// begun is when a task failed, by its own note unless that is known.
func (f *faultRun) begun(ctx context.Context, task string, known time.Time) (time.Time, error) {
	if !known.IsZero() {
		return known, nil
	}
	err := f.until(ctx, "task "+task+" notes its fault", func() bool {
		deeds, err := readDeeds(f.s.clientWork(clients[0]), clients[0], map[string]bool{task: true})
		if err == nil && len(deeds) == 1 && deeds[0].Fault > 0 {
			known = time.UnixMicro(int64(deeds[0].Fault * 1e6))
		}
		return !known.IsZero()
	})
	return known, err
}

// succeeded waits until the next task's process runs and tells how long that took.
func (f *faultRun) succeeded(ctx context.Context, next string, since time.Time) (took time.Duration, err error) {
	err = f.until(ctx, "the next task, "+next+", runs", func() bool {
		deeds, err := readDeeds(f.s.clientWork(clients[0]), clients[0], map[string]bool{next: true})
		if err != nil || len(deeds) == 0 || deeds[0].Started == 0 {
			return false
		}
		took = time.UnixMicro(int64(deeds[0].Started * 1e6)).Sub(since)
		return true
	})
	return took, err
}

// why is the reason that the client gives for a task's end: in the cloud's history
// or, of one that never ran, in its quarantine.
func (f *faultRun) why(ctx context.Context, task string, never bool) (reason string, err error) {
	err = f.until(ctx, "the end of task "+task+" is told", func() bool {
		if never {
			state, err := f.s.status(ctx, clients[0])
			for _, q := range state.Quarantined {
				if err == nil && q.TaskID == task {
					reason = string(q.Reason)
				}
			}
			return reason != ""
		}
		var list struct {
			Executions []struct{ State, Reason string } `json:"executions"`
		}
		if f.s.get(ctx, "/executions?side=client&task="+task, &list) != nil || len(list.Executions) != 1 || list.Executions[0].State == "running" {
			return false
		}
		reason = list.Executions[0].Reason
		return true
	})
	return reason, err
}

// tidy ends both tasks and waits until nothing of them runs.
func (f *faultRun) tidy(ctx context.Context, tasks ...*wanted) error {
	for _, w := range tasks {
		if err := f.s.act(ctx, w, Step{Do: Stop}); err != nil {
			return err
		}
	}
	err := f.until(ctx, "nothing runs any more", func() bool {
		live, _ := f.s.scan.Of(f.s.dir)
		state, err := f.s.status(ctx, clients[0])
		return len(live) == 0 && err == nil && len(state.Running) == 0
	})
	if err != nil {
		return err
	}
	for _, w := range tasks {
		if err := f.s.send(ctx, "DELETE", "/tasks/"+w.id, "", nil, nil); err != nil {
			return fmt.Errorf("delete task %s: %w", w.id, err)
		}
	}
	f.release()
	return nil
}

// until waits for something for up to faultBound.
func (f *faultRun) until(ctx context.Context, what string, ok func() bool) error {
	for end := time.Now().Add(faultBound); !ok(); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Now().After(end) {
			return &notSeen{what}
		}
		sleep(ctx, 10*time.Millisecond)
	}
	return nil
}

// notSeen tells that something did not happen in time.
type notSeen struct{ what string }

// Error says what.
func (n *notSeen) Error() string {
	return fmt.Sprintf("it was not seen within %s that %s", faultBound, n.what)
}

// tamper flips a bit of the failing program on its way to the client, each time it
// passes; when it did so first is sent.
func (f *faultRun) tamper(l string) chan time.Time {
	first := make(chan time.Time, 1)
	f.s.links[l].Tamper(func(piece []byte) []byte {
		i := bytes.Index(piece, []byte("a_module_that_nobody_has"))
		if i < 0 {
			return piece
		}
		piece[i] ^= 1
		select {
		case first <- time.Now():
		default:
		}
		return piece
	})
	return first
}
