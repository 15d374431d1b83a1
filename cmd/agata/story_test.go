package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/contract"
)

// soon is how long a loaded machine may take for what takes a second.
const soon = 15 * time.Second

// site is a cloud with one client, run by the command line as an operator would:
// brokers, gateway and all else are apart, so that each can be restarted.
type site struct {
	*testing.T
	dir   string
	flags []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	f := &site{T: t, dir: t.TempDir()}
	t.Chdir(f.dir)
	ports := map[string]int{}
	for _, name := range []string{"server.broker", "client.broker", "server.gateway", "server.files"} {
		ports[name] = testenv.Port(t)
		f.flags = append(f.flags, "--set", fmt.Sprintf("%s.port=%d", name, ports[name]))
	}
	write(t, "config.ini", `[server.broker]
host = 127.0.0.1
[client.broker]
host = 127.0.0.1
[events]
register_events = true
[client.params]
request_interval = 1
[client.info]
user_id = car-7
data_qnt = 7
[tasks]
python = sh
grace = 1
[log]
level = error
`)
	f.serve("broker")
	f.serve("serve", "cloud-task-manager", "user-manager", "client-gateway", "client-task-manager")
	return f
}

// begin runs a command line that goes on until it is stopped.
func (f *site) begin(args ...string) (out, errOut *lockedBuffer, stop func() int) {
	ctx, cancel := context.WithCancel(context.Background())
	out, errOut = &lockedBuffer{}, &lockedBuffer{}
	done := make(chan struct{})
	code := 0
	args = append(args, f.flags...)
	go func() {
		defer close(done)
		code = run(ctx, args, strings.NewReader(""), out, errOut)
	}()
	stop = func() int {
		cancel()
		<-done
		return code
	}
	f.Cleanup(func() { stop() })
	return out, errOut, stop
}

// serve runs services until they are stopped; it waits until they are up.
func (f *site) serve(args ...string) (stop func()) {
	f.Helper()
	_, errOut, end := f.begin(args...)
	testenv.Eventually(f, soon, strings.Join(args, " ")+" is up", func() bool { return strings.Contains(errOut.String(), "AGATA is up.") })
	return func() {
		f.Helper()
		if code := end(); code != exitOK {
			f.Errorf("%v ended with %d: %s", args, code, errOut.String())
		}
	}
}

// agata runs a command line.
func (f *site) agata(args ...string) result {
	var out, errOut bytes.Buffer
	code := run(f.Context(), append(args, f.flags...), strings.NewReader(""), &out, &errOut)
	return result{code, out.String(), errOut.String()}
}

// ok runs a command line that must succeed.
func (f *site) ok(args ...string) result {
	f.Helper()
	r := f.agata(args...)
	if r.code != exitOK {
		f.Fatalf("agata %v: exit code %d\n%s%s", args, r.code, r.out, r.err)
	}
	return r
}

// task writes a task's folder; programs are shell scripts, as the interpreter is sh.
func (f *site) task(id, server, client string) {
	f.Helper()
	write(f.T, id+"/task.json", fmt.Sprintf(`{"task_id": %q, "server_files": ["server.py"], "files_paths": ["client.py"], "tags": ["story"]}`, id))
	write(f.T, id+"/server.py", server)
	write(f.T, id+"/client.py", client)
}

// scripts for a task that reports a round when a file of its name appears.
const (
	storyServer = `say() { echo "$1" >>"$AGATA_REPORTS"; }
echo hello from the server
for i in 1 2 3; do
	until [ -e DIR/round$i ]; do sleep 0.05; done
	say '{"type": "model", "round": "'$i'", "acc": "0.'$i'"}'
done
while :; do sleep 0.05; done
`
	storyClient = `echo '{"type": "model", "round": "1", "acc": "0.25", "loss": "2"}'
while :; do sleep 0.05; done
`
)

// TestStory drives a task's life from the command line, over a restart of the
// gateway that nothing is lost to.
func TestStory(t *testing.T) {
	f := newSite(t)
	gateway := func() (stop func()) { return f.serve("serve", "cloud-gateway") }
	stopGateway := gateway()
	f.task("learn", strings.ReplaceAll(storyServer, "DIR", f.dir), storyClient)

	f.ok("task", "create", "--from", "learn", "--criteria", "data_qnt > 5")
	f.ok("task", "upload", "learn", "learn/server.py", "learn/client.py")
	if r := f.ok("task", "files", "learn"); strings.Count(r.out, "\n") != 3 {
		t.Errorf("files: %s", r.out)
	}
	f.ok("task", "download", "learn", "--to", "copy")
	if got, err := os.ReadFile("copy/client.py"); err != nil || string(got) != storyClient {
		t.Errorf("downloaded %q, %v", got, err)
	}
	events, eventsErr, stopEvents := f.begin("events", "--follow", "--format", "json")
	if r := f.ok("task", "start", "learn", "--wait=client", "--timeout", "1m"); !strings.Contains(r.err, "client car-7 runs it") {
		t.Errorf("started: %s", r.err)
	}
	rounds, roundsErr, stopRounds := f.begin("task", "metrics", "learn", "--follow")
	logs, _, stopLogs := f.begin("task", "logs", "learn", "--follow")
	write(t, "round1", "")
	f.Cleanup(func() {
		if f.Failed() {
			t.Logf("rounds:\n%s%s\nlogs:\n%s", rounds.String(), roundsErr.String(), logs.String())
		}
	})
	testenv.Eventually(t, soon, "the first rounds are shown", func() bool {
		return strings.Contains(rounds.String(), "0.1") && strings.Contains(rounds.String(), "0.25")
	})

	// The gateway is away while the task goes on.
	stopGateway()
	write(t, "round2", "")
	testenv.Eventually(t, soon, "the streams notice", func() bool {
		return strings.Contains(eventsErr.String(), "trying again") && strings.Contains(roundsErr.String(), "trying again")
	})
	if r := f.agata("task", "list"); r.code != exitUnreachable {
		t.Errorf("without a gateway: %+v", r)
	}
	stopGateway = gateway()
	write(t, "round3", "")
	testenv.Eventually(t, soon, "the later rounds are shown", func() bool {
		return strings.Contains(rounds.String(), "0.2 ") && strings.Contains(rounds.String(), "0.3 ") && strings.Contains(logs.String(), "round 3")
	})

	if r := f.ok("task", "show", "learn"); !strings.Contains(r.out, "runs on           car-7\n") || !strings.Contains(r.out, "round             3\n") {
		t.Errorf("show: %s", r.out)
	}
	if r := f.ok("task", "metrics", "learn"); r.out != "ROUND  SERVER  car-7\n1      0.1     0.25\n2      0.2\n3      0.3\n" {
		t.Errorf("metrics: %s", r.out)
	}
	if r := f.ok("task", "explain", "learn"); !strings.Contains(r.out, "car-7   running") {
		t.Errorf("explain: %s", r.out)
	}
	f.eventually("the client is shown at its work", func() bool {
		r := f.ok("client", "list")
		return strings.Contains(r.out, "  yes     learn    0")
	})
	if r := f.ok("client", "show", "car-7"); !strings.Contains(r.out, "(online)") || !strings.Contains(r.out, "ran last") {
		t.Errorf("client: %s", r.out)
	}
	if r := f.ok("overview"); !strings.Contains(r.out, "1 running") || !strings.Contains(r.out, "1 known, 1 seen") {
		t.Errorf("overview: %s", r.out)
	}

	f.ok("task", "stop", "learn", "--wait", "--timeout", "1m")
	f.eventually("the streams of the task end with it", func() bool { return strings.Contains(logs.String(), "round 3") })
	for name, stop := range map[string]func() int{"metrics": stopRounds, "logs": stopLogs} {
		if code := stop(); code != exitOK {
			t.Errorf("%s --follow ended with %d", name, code)
		}
	}
	for _, once := range []string{"0.1 ", "0.2 ", "0.3 ", "0.25 "} {
		if n := strings.Count(rounds.String(), once); n != 1 {
			t.Errorf("%q is shown %d times in\n%s", once, n, rounds.String())
		}
	}
	if n := strings.Count(logs.String(), "hello from the server"); n != 1 {
		t.Errorf("the log is\n%s", logs.String())
	}
	if r := f.ok("task", "executions", "learn"); !strings.Contains(r.out, "(cloud)  stopped") || !strings.Contains(r.out, "car-7 ") {
		t.Errorf("executions: %s", r.out)
	}

	// What was followed is what is kept, in spite of the restart.
	f.ok("events", "--out", "events.json")
	kept, err := timeline.ReadFile("events.json")
	if err != nil || len(kept) == 0 {
		t.Fatalf("kept %d events, %v", len(kept), err)
	}
	last := f.ok("events", "--limit", "1", "--format", "json")
	var list []apiclient.Entry
	if err := json.Unmarshal([]byte(last.out), &list); err != nil || len(list) != 1 {
		t.Fatalf("%s: %v", last.out, err)
	}
	f.eventually("the last event is followed", func() bool { return strings.Contains(events.String(), list[0].ID) })
	if code := stopEvents(); code != exitOK {
		t.Errorf("events --follow ended with %d: %s", code, eventsErr.String())
	}
	f.followed(events.String())

	f.ok("task", "delete", "learn", "--yes")
	if r := f.agata("task", "show", "learn"); r.code != exitFailed || !strings.Contains(r.err, contract.TaskNotRegistered("learn")) {
		t.Errorf("deleted: %+v", r)
	}
	if r := f.ok("task", "timeline", "learn"); !strings.Contains(r.out, "Finished server task initialization") {
		t.Errorf("the history went with the task: %s", r.out)
	}
	stopGateway()
}

func (f *site) eventually(what string, ok func() bool) {
	f.Helper()
	testenv.Eventually(f, soon, what, ok)
}

// followed checks that a stream of events has all those that the history has since
// the stream's first, each once.
func (f *site) followed(stream string) {
	f.Helper()
	var seqs []int64
	for line := range strings.Lines(stream) {
		var e apiclient.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			f.Fatalf("%s: %v", line, err)
		}
		if slices.Contains(seqs, e.Seq) {
			f.Errorf("event %d came twice", e.Seq)
		}
		seqs = append(seqs, e.Seq)
	}
	var all []apiclient.Entry
	if err := json.Unmarshal([]byte(f.ok("events", "--format", "json").out), &all); err != nil {
		f.Fatal(err)
	}
	first, last := slices.Min(seqs), slices.Max(seqs)
	for _, e := range all {
		if e.Seq > first && e.Seq <= last && !slices.Contains(seqs, e.Seq) && e.Seq > seqs[min(lastEvents, len(seqs)-1)] {
			f.Errorf("event %d, %q, was not followed", e.Seq, e.Event.Event)
		}
	}
}

// TestStoryOfAQuarantine releases a task that a client keeps from running.
func TestStoryOfAQuarantine(t *testing.T) {
	f := newSite(t)
	f.serve("serve", "cloud-gateway")
	f.task("bad", "while :; do sleep 0.05; done\n", `echo '{"type": "error", "exception": "no data here"}'; sleep 60`+"\n")
	f.ok("task", "submit", "bad")
	f.eventually("the client keeps it from running", func() bool {
		return strings.Contains(f.ok("task", "explain", "bad").out, "quarantined")
	})
	r := f.ok("task", "explain", "bad", "--client", "car-7")
	if !strings.Contains(r.out, "no data here") || !strings.Contains(r.out, "agata client release bad --client car-7") {
		t.Errorf("explain: %s", r.out)
	}
	if r := f.ok("client", "show", "car-7"); !strings.Contains(r.out, "keeps 1 from running") {
		t.Errorf("client: %s", r.out)
	}
	if r := f.ok("client", "release", "bad", "--client", "car-7", "--wait", "--timeout", "1m"); !strings.Contains(r.err, "released task bad") {
		t.Errorf("release: %s", r.err)
	}
	f.eventually("it ran once more", func() bool {
		return strings.Count(f.ok("task", "executions", "bad", "--state", "failed").out, "car-7") == 2
	})
	if r := f.agata("client", "release", "none", "--client", "car-7", "--wait", "--timeout", "1m"); r.code != exitFailed {
		t.Errorf("release of another: %+v", r)
	}
	var execs []apiclient.Execution
	if err := json.Unmarshal([]byte(f.ok("client", "executions", "car-7", "--format", "json").out), &execs); err != nil || len(execs) < 2 {
		t.Fatal(execs, err)
	}
	if r := f.ok("client", "executions", "car-7", execs[0].ID); !strings.Contains(r.out, "no data here") {
		t.Errorf("execution: %s", r.out)
	}
	f.ok("task", "stop", "bad", "--wait", "--timeout", "1m")
	if matches, err := filepath.Glob("data/*.db"); err != nil || len(matches) == 0 {
		t.Errorf("data: %v, %v", matches, err)
	}
}
