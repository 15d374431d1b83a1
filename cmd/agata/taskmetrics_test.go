package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

const twoSeries = `{"series":[
 {"task":"a","execution":"c1","client":"car-7","side":"client","points":[{"round":"1","x":1,"time":1,"acc":0.25,"acc_text":"0.25"},{"round":"10","x":10,"time":4,"acc_text":"no\tdata"}]},
 {"task":"a","execution":"s1","client":"","side":"server","thinned":true,"points":[{"round":"1","x":1,"time":2,"acc":0.5,"loss":0.125,"acc_text":"0.5"},{"round":"2","x":2,"time":3,"acc":0.123456789,"acc_text":"0.123456789"}]}]}`

func TestMetrics(t *testing.T) {
	f := newFakeCloud(t)
	f.json("GET /api/v1/tasks/a/metrics", twoSeries)
	r := f.ok("task", "metrics", "a")
	if want := "ROUND  SERVER    car-7\n1      0.5       0.25\n2      0.123457\n10               no data\n"; r.out != want {
		t.Errorf("got %s", r.out)
	}
	if !strings.Contains(r.err, "of the server only some rounds") {
		t.Errorf("told %s", r.err)
	}
	var asked []string
	f.route("GET /api/v1/tasks/a/metrics", func(w http.ResponseWriter, r *http.Request) {
		if asked = append(asked, r.URL.RawQuery); r.URL.Query().Get("client") != "" {
			_, _ = io.WriteString(w, `{"series":[]}`)
			return
		}
		_, _ = io.WriteString(w, twoSeries)
	})
	if r := f.ok("task", "metrics", "a", "--loss", "--client", "other"); r.out != "ROUND  SERVER\n1      0.125\n2      -\n" || strings.Join(asked, " ") != "client=other&points=500 points=500&series=1" {
		t.Errorf("got %s by %v", r.out, asked)
	}
	var m apiclient.Metrics
	if err := json.Unmarshal([]byte(f.ok("task", "metrics", "a", "--format", "json").out), &m); err != nil || len(m.Series) != 2 {
		t.Errorf("got %+v, %v", m, err)
	}
	var many []string
	for i := range metricColumns + 3 {
		many = append(many, fmt.Sprintf(`{"side":"client","client":"c%02d","points":[]}`, i))
	}
	f.json("GET /api/v1/tasks/a/metrics", `{"series":[`+strings.Join(many, ",")+`]}`)
	if r := f.ok("task", "metrics", "a"); !strings.Contains(r.err, "3 more clients") || !strings.Contains(r.err, "no round") || strings.Contains(r.out, "c08") {
		t.Errorf("got %+v", r)
	}
}

// --follow shows what there is and what comes, each once, until the task has ended.
func TestMetricsFollow(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		f := newFakeCloud(t)
		var streamed atomic.Bool
		f.on(contract.DescribeTask.Name, func([]byte) (int, any) {
			state := "running"
			if streamed.Load() {
				state = "finished"
			}
			return 200, described(contract.TaskSummary{ID: "a", State: state})
		})
		f.json("GET /api/v1/tasks/a/metrics", twoSeries)
		f.route("GET /api/v1/live", func(w http.ResponseWriter, r *http.Request) {
			if got := r.URL.RawQuery; got != "kinds=round&task=a" {
				t.Errorf("asked %s", got)
			}
			w.Header().Set("Content-Type", "text/event-stream")
			say := func(seq int, at, execution, round string) {
				_, _ = fmt.Fprintf(w, "id: %d\nevent: round\ndata: {\"seq\":%d,\"id\":\"i\",\"kind\":\"round\",\"time\":%s,\"task\":\"a\",\"execution\":%q,\"round\":{\"side\":\"server\",\"round\":%q,\"acc\":\"0.75\"}}\n\n", seq, seq, at, execution, round)
			}
			_, _ = io.WriteString(w, "event: hello\ndata: {\"seq\":10}\n\n")
			say(11, "3", "s1", "2") // it was read already
			say(12, "5", "s1", "3")
			_ = http.NewResponseController(w).Flush()
			streamed.Store(true)
			<-r.Context().Done()
		})
		r := f.ok("task", "metrics", "a", "--follow", "--format", format)
		lines := strings.Split(strings.TrimSpace(r.out), "\n")
		if format == "table" {
			lines = lines[1:]
		}
		if len(lines) != 5 || !strings.Contains(lines[0], "car-7") || !strings.Contains(lines[4], "0.75") {
			t.Errorf("got %s", r.out)
		}
		if format == "json" {
			var rec contract.Record
			if err := json.Unmarshal([]byte(lines[0]), &rec); err != nil || rec.Round.Acc != "0.25" || rec.Client != "car-7" {
				t.Errorf("got %s, %v", lines[0], err)
			}
		}
	}
}
