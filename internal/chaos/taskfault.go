package chaos

import (
	"syscall"
	"time"
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
