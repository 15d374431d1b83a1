package e2e

import (
	"testing"
)

// asWritten is how tasks of the original begin: they put the project and the
// work folder on the path, read config.ini in their working directory, and
// import the original's modules.
const asWritten = `import sys, os
sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), '../../..')))
if sys.argv[1] != "cli":
    sys.path.append(sys.argv[1])
import configparser, time
from microservice_interconnect.rpc_client import register_event
from task_daemon_lib.task_reporter import TaskReporter
configs = configparser.ConfigParser()
configs.read("config.ini")
host = configs["client.broker"]["host"]
port = int(configs["client.broker"]["port"])
allow = configs.getboolean("events", "register_events")
task_reporter = TaskReporter()
print("an ordinary line")
`

// A task written for the original runs as it is, on both sides: its reporter, its
// events, its trigger, and its error.
func TestATaskOfTheOriginal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set["events.register_events"] = "true"
	w.serveCloud()
	server := asWritten + `
task_reporter.send_stats(1, [(75, {"accuracy": 0.5})])
task_reporter.trigger("mark", "0.9")
while not os.path.exists(os.path.join(sys.argv[1], "triggered")): time.sleep(0.02)
register_event("task_server", "main", "Finished server", allow_registering=allow, host=host, port=port)
task_reporter.send_info("Finished")
`
	client := asWritten + `
register_event("task_client", "main", "Started client", allow_registering=allow, host=host, port=port)
try:
    raise Exception("no data here")
except Exception as e:
    register_event("task_client", "main", "Error!", allow_registering=allow, host=host, port=port)
    task_reporter.send_error(e)
`
	w.task("old", "", "", nil)
	if a := w.upload("old", "server.py", server, "client.py", client,
		"mark.py", "import os, sys\nopen(os.path.join(os.environ['AGATA_WORK_DIR'], 'triggered'), 'w').write(sys.argv[1])\n"); a.status != 200 {
		t.Fatal(a.body)
	}
	w.start("old")
	if s := w.becomes("old", "finished"); s.Round != "1" || s.Acc != "[(75, {'accuracy': 0.5})]" {
		t.Errorf("the cloud's line: %+v", s)
	}
	if got := w.noted("cloud", "triggered"); got != "0.9" {
		t.Errorf("the trigger got %q", got)
	}

	if a := w.upload("old", "server.py", prelude+forever); a.status != 200 {
		t.Fatal(a.body)
	}
	w.start("old")
	w.serveClient()
	if reason := w.held("old"); reason != "report_error" {
		t.Errorf("the client holds the task for %s", reason)
	}
}
