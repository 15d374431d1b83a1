package python_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/pkg/taskreporter"
	"github.com/agata-fl/agata/pkg/taskreporter/python"
)

// script says everything that a task can say, with texts that are hard to write.
const script = `
import agata
from task_daemon_lib.task_reporter import TaskReporter
from microservice_interconnect.rpc_client import register_event

reporter = TaskReporter()
print("an ordinary line")
reporter.send_stats(1, [(75, {"accuracy": 0.4})])
reporter.send_stats(2, float("nan"), float("inf"))
reporter.send_info("Finished")
reporter.send_print('tab\tquote"back\\slash\nol\u00e1 \u6f22 \U0001f600')
reporter.send_error(ValueError("\udc80"))
reporter.trigger("trigger_example", "0.9")
agata.register_event("task_client", "main", "Started client")
reporter.send_error("x" * 1000000)
`

func run(t *testing.T, environment ...string) (stdout []byte) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, python.FS); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", "-B", "-c", script)
	inherited := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return bytes.HasPrefix([]byte(v), []byte(taskreporter.EnvReports+"="))
	})
	cmd.Env = append(append(inherited, "PYTHONPATH="+dir, "LC_ALL=C"), environment...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("python3: %v\n%s", err, &stderr)
	}
	return stdout
}

// check parses the lines; logs is how many of them must be no report.
func check(t *testing.T, lines []byte, logs int) {
	t.Helper()
	var got []taskreporter.Report
	for line := range bytes.Lines(lines) {
		if r, ok := taskreporter.Parse(line); ok {
			got = append(got, r)
		} else {
			logs--
		}
	}
	if logs != 0 {
		t.Errorf("%d lines too few (or, if negative, too many) are log output", logs)
	}
	want := []taskreporter.Report{
		taskreporter.Info{Text: taskreporter.Started},
		taskreporter.Model{Round: "1", Accuracy: "[(75, {'accuracy': 0.4})]"},
		taskreporter.Model{Round: "2", Accuracy: "nan", Loss: "inf"},
		taskreporter.Info{Text: taskreporter.Finished},
		taskreporter.Print{Message: "tab\tquote\"back\\slash\nolá 漢 😀"},
		taskreporter.Error{Exception: "\ufffd"}, // half a surrogate pair
		taskreporter.Trigger{Name: "trigger_example", Arguments: "0.9"},
		taskreporter.Event{Service: "task_client", Function: "main", Text: "Started client"},
	}
	if len(got) != len(want)+1 {
		t.Fatalf("%d reports, want %d:\n%s", len(got), len(want)+1, lines)
	}
	event, ok := got[7].(taskreporter.Event)
	if age := time.Since(event.Time); !ok || age < 0 || age > time.Minute {
		t.Errorf("the event %v is not of now", got[7])
	}
	event.Time = time.Time{}
	got[7] = event
	if diff := cmp.Diff(want, got[:8]); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
	long, ok := got[8].(taskreporter.Error)
	if !ok || len(long.Exception) < taskreporter.MaxLine/4 {
		t.Errorf("the long error came back as %T with %d bytes", got[8], len(long.Exception))
	}
}

func TestPythonsReportsOnStandardOutput(t *testing.T) {
	check(t, run(t), 1)
}

func TestPythonsReportsInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reports")
	stdout := run(t, taskreporter.EnvReports+"="+path)
	if string(stdout) != "an ordinary line\n" {
		t.Errorf("stdout is %q, want the ordinary line alone", stdout)
	}
	lines, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check(t, lines, 0)
}
