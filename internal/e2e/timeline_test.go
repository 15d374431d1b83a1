package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
)

// A reader in Python, that declares the queue as peers do, sees our events.
func TestPythonEventReader(t *testing.T) {
	w, p := pythonWorld(t, testenv.RabbitMQ(t), testenv.RabbitMQ2(t))
	p.declare("events")
	w.serveCloud()
	began := time.Now()
	w.task("x", `say(type="event", time=time.time(), service="task_server", function="main", event="Started server")
`+forever, "", nil)
	w.start("x")
	var got struct{ Events []map[string]json.RawMessage }
	p.ask("events", map[string]any{"port": p.port, "until": "Started server"}, &got)
	var list []string
	for _, e := range got.Events {
		if keys := slices.Sorted(maps.Keys(e)); !slices.Equal(keys, []string{"event", "function", "service", "time"}) {
			t.Errorf("an event has the keys %v", keys)
		}
		var at float64
		var service, function, text string
		for key, into := range map[string]any{"time": &at, "service": &service, "function": &function, "event": &text} {
			if err := json.Unmarshal(e[key], into); err != nil {
				t.Errorf("%s of an event is %s: %v", key, e[key], err)
			}
		}
		if d := at - float64(began.UnixNano())/1e9; d < -60 || d > 60 {
			t.Errorf("the time of an event is %s: %.0f s off", e["time"], d)
		}
		list = append(list, service+"/"+function+": "+text)
	}
	at := 0
	want := []string{
		"service_cloud_ml/main: Started",
		cloudCreates("Started task creation"), cloudCreates("Finished task creation"),
		"service_cloud_ml/rpc_exec_start_server_task: Started server task initialization",
		"service_cloud_ml/rpc_exec_start_server_task: Finished server task initialization",
		"task_server/main: Started server",
	}
	for _, e := range list {
		if at < len(want) && e == want[at] {
			at++
		}
	}
	if at < len(want) {
		t.Errorf("the timeline lacks %q in its place:\n%q", want[at], list)
	}
}

func cloudCreates(text string) string { return "service_cloud_ml/" + create + ": " + text }
