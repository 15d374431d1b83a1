package attack

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// malicious starts a task whose server program is a script and waits for its end;
// in the script, $F is the folder of its execution.
func (w *world) malicious(id, script string) (detail string) {
	w.Helper()
	w.task(id, "server", "#!/bin/sh\nF=$(dirname \"$AGATA_REPORTS\")\n"+script)
	w.must(200, "operator", "POST", "/api/v1/tasks/"+id+"/start", "{}")
	w.eventually("the task "+id+" has ended", func() bool { s := w.state(id); return s != "running" })
	return w.must(200, "viewer", "GET", "/api/v1/tasks/"+id, "").body
}

// shim is how a script finds its shim, which is its parent.
const shim = "S=$PPID\n"

// TestNoTaskHoldsItsManagerUp: by what it prints, or by what it does to the folder
// of its execution. Each one ends, the manager goes on, and nothing outside changes.
func TestNoTaskHoldsItsManagerUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("outside.py", "open('"+filepath.Join(w.dir, "ran")+"', 'w')")
	w.write("outside.txt", "keep this")
	outside, number := filepath.Join(w.dir, "outside.txt"), 0
	for name, script := range map[string]string{
		"a report of 100 MB":           "head -c 100000000 /dev/zero | tr '\\000' x >> \"$AGATA_REPORTS\"; exit 1\n",
		"a line of 100 MB":             "head -c 100000000 /dev/zero | tr '\\000' x; exit 1\n",
		"reports in another place":     "rm -f \"$AGATA_REPORTS\"; ln -s /dev/zero \"$AGATA_REPORTS\"; exit 1\n",
		"output that is a link":        "rm -f $F/stdout.log $F/stderr.log; ln -s /dev/zero $F/stdout.log; ln -s \"$OUT\" $F/stderr.log; exit 1\n",
		"output that is a pipe":        "rm -f $F/stdout.log $F/stderr.log; mkfifo $F/stdout.log $F/stderr.log; exit 1\n",
		"an exit that is a pipe":       "mkfifo $F/exit.json $F/exit.json.tmp; exit 1\n",
		"an exit that is a link":       "ln -s \"$OUT\" $F/exit.json.tmp; ln -s \"$OUT\" $F/exit.json; exit 1\n",
		"a forged exit":                shim + "echo '{\"reason\":\"exited\",\"code\":0}' > $F/exit.json; kill -9 $S; exit 1\n",
		"a forged exit that is a pipe": shim + "mkfifo $F/exit.json; kill -9 $S; exit 1\n",
		"a forged exit of 1 GB":        shim + "truncate -s 1G $F/exit.json; kill -9 $S; exit 1\n",
		"a forged exit without end":    shim + "ln -s /dev/zero $F/exit.json; kill -9 $S; exit 1\n",
		"a shim's log without end":     shim + "rm -f $F/shim.log; ln -s /dev/zero $F/shim.log; kill -9 $S; exit 1\n",
		"no folder any more":           "rm -rf $F; exit 1\n",
		"reports that are not":         "printf '{\"type\":\"trigger\",\"trigger_name\":\"../../outside\",\"trigger_arguments\":\"\"}\\n{\"type\":\"model\",\"round\":\"'\"$(head -c 60000 /dev/zero | tr '\\000' 9)\"'\"}\\n{\"type\":\"error\",\"exception\":{}}\\n\\377\\376\\n' >> \"$AGATA_REPORTS\"; exit 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			w.TB = t
			number++
			bad, next := fmt.Sprint("bad", number), fmt.Sprint("next", number)
			began := time.Now()
			w.malicious(bad, "OUT="+outside+"\n"+script)
			if got := w.state(bad); got != "failed" && !strings.Contains(name, "forged") {
				t.Errorf("the task is %s", got)
			}
			if b, err := os.ReadFile(outside); err != nil || string(b) != "keep this" {
				t.Errorf("the file outside is %q, %v", b, err)
			}
			if _, err := os.Stat(filepath.Join(w.dir, "ran")); err == nil {
				t.Error("a program outside of the task's folder was run")
			}
			a := w.must(200, "viewer", "GET", "/api/v1/tasks/"+bad+"/logs", "")
			if len(a.body) > 4<<20 || strings.Contains(a.body, "keep this") {
				t.Errorf("its logs have %d bytes: %.200s", len(a.body), a.body)
			}
			// The manager goes on with the next one.
			if body := w.malicious(next, "exit 7\n"); !strings.Contains(body, "exit code 7") {
				t.Errorf("the next task: %s", body)
			}
			if took := time.Since(began); took > patience {
				t.Errorf("all took %s", took)
			}
			if n := residentMiB(t); n > 2048 {
				t.Errorf("the manager's process holds %d MiB", n)
			}
		})
	}
}

// residentMiB is how much memory this process holds.
func residentMiB(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}
