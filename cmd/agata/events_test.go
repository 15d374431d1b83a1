package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/contract"
)

func record(seq int64, at float64, client, text string) string {
	b, err := json.Marshal(apiclient.Entry{Seq: seq, Record: contract.Record{
		ID: fmt.Sprint("i", seq), Kind: contract.RecordEvent, Time: at, Client: client, About: contract.About{Task: "a"},
		Event: &contract.Event{Time: at, Service: "service_cloud_ml", Function: "f", Event: text},
	}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestEventsOfTheHistory(t *testing.T) {
	f := newFakeCloud(t)
	var asked []string
	f.route("GET /api/v1/events", func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		if r.URL.Query().Get("order") == "newest" {
			_, _ = fmt.Fprintf(w, `{"events":[%s,%s]}`, record(9, 3, "", "third"), record(8, 2, "", "second"))
			return
		}
		_, _ = fmt.Fprintf(w, `{"events":[%s,%s]}`, record(7, 1.25, "car-7", "first\nthing\x1b[2J"), record(8, 2, "", "second"))
	})
	r := f.ok("events", "--task", "a", "--client", "car-7", "--service", "s", "--function", "f", "--text", "x y", "--execution", "e", "--since", "1970-01-02 00:00:00", "--until", "2001-01-01T00:00:00Z")
	lines := strings.Split(r.out, "\n")
	if !strings.HasPrefix(lines[0], "TIME             WHERE    SERVICE") || !strings.Contains(lines[1], ":01.250000  car-7    service_cloud_ml  f         a     first thing\ufffd[2J") || !strings.Contains(lines[2], "(cloud)") {
		t.Errorf("got %q", lines)
	}
	if !strings.Contains(asked[0], "client=car-7&execution=e&from=") || !strings.Contains(asked[0], "&q=x+y&service=s&task=a&to=978307200.000000") {
		t.Errorf("asked %s", asked[0])
	}
	r = f.ok("events", "--limit", "2", "--format", "json")
	var list []apiclient.Entry
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list) != 2 || list[0].Event.Event != "second" || list[1].Event.Event != "third" {
		t.Errorf("the last ones, in order: %s, %v", r.out, err)
	}
	f.json("GET /api/v1/events", `{"events":[]}`)
	if r := f.ok("task", "timeline", "a", "--format", "json"); r.out != "[]\n" || !strings.Contains(r.err, "nothing of that kind") {
		t.Errorf("got %+v", r)
	}
}

func TestEventsOut(t *testing.T) {
	f := newFakeCloud(t)
	f.route("GET /api/v1/events.json", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "task=a" {
			t.Errorf("asked %s", r.URL)
		}
		_, _ = io.WriteString(w, `[{"time":1,"service":"s","function":"f","event":"one"}]`)
	})
	write(t, "sub/events.json", "before")
	r := f.ok("task", "timeline", "a", "--out", "sub/events.json")
	if events, err := timeline.ReadFile("sub/events.json"); err != nil || len(events) != 1 || r.out != "" || !strings.Contains(r.err, "1 events in sub/events.json") {
		t.Errorf("got %+v, %v, %v", r, events, err)
	}
	// One that breaks off leaves what was there.
	f.json("GET /api/v1/events.json", `[{"time":1,"service":"s","function":"f","event":"one"},`)
	if r := f.agata("events", "--out", "sub/events.json"); r.code != exitUnreachable {
		t.Errorf("got %+v", r)
	}
	if entries, err := os.ReadDir("sub"); err != nil || len(entries) != 1 {
		t.Errorf("left %v, %v", entries, err)
	}
	if events, err := timeline.ReadFile("sub/events.json"); err != nil || len(events) != 1 {
		t.Errorf("left %v, %v", events, err)
	}
}

// --follow shows the last ones and then what comes, each once, and of what comes
// only what is wanted.
func TestEventsFollowTheHistory(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		t.Run(format, func(t *testing.T) {
			f := newFakeCloud(t)
			f.route("GET /api/v1/events", func(w http.ResponseWriter, r *http.Request) {
				if got := r.URL.RawQuery; got != "limit=10&order=newest&q=ALPHA&task=a" {
					t.Errorf("asked %s", got)
				}
				_, _ = fmt.Fprintf(w, `{"events":[%s,%s]}`, record(12, 2, "", "alpha two"), record(9, 1, "", "alpha one"))
			})
			message := func(seq int64, text string) string {
				return fmt.Sprintf("id: %d\nevent: event\ndata: %s\n\n", seq, record(seq, float64(seq), "car-7", text))
			}
			f.route("GET /api/v1/live", func(w http.ResponseWriter, r *http.Request) {
				if got := r.URL.RawQuery; got != "kinds=event&task=a" {
					t.Errorf("asked %s", got)
				}
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, "id: 11\nevent: hello\ndata: {\"seq\":11}\n\n"+message(12, "alpha two")+message(13, "beta")+message(14, "Alpha three"))
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})
			var out lockedBuffer
			stop := f.start(t, &out, "events", "--follow", "--task", "a", "--text", "ALPHA", "--format", format)
			testenv.Eventually(t, 20*time.Second, "the last one is shown", func() bool { return strings.Contains(out.String(), "three") })
			if code := stop(); code != exitOK {
				t.Errorf("exit code %d", code)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(lines) != 3 || !strings.Contains(lines[0], "alpha one") || !strings.Contains(lines[1], "alpha two") || !strings.Contains(lines[2], "Alpha three") {
				t.Errorf("got %q", lines)
			}
			var e apiclient.Entry
			if err := json.Unmarshal([]byte(lines[2]), &e); (err == nil) != (format == "json") {
				t.Errorf("%s: %v", lines[2], err)
			}
		})
	}
}
