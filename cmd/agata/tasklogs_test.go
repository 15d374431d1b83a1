package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestLogs(t *testing.T) {
	f := newFakeCloud(t)
	f.on(contract.ServerLogs.Name, func(body []byte) (int, any) {
		if string(body) != `{"task_id":"a","lines":7}` {
			t.Errorf("got %s", body)
		}
		return 200, contract.Logs{Lines: []string{"one", "two"}}
	})
	if r := f.ok("task", "logs", "a", "-n", "7"); r.out != "one\ntwo\n" {
		t.Errorf("got %q", r.out)
	}
}

// Lines come by the stream; those that it did not bring by the end are read.
func TestFollowEndsWithTheTask(t *testing.T) {
	f := newFakeCloud(t)
	var looks atomic.Int32
	streamed := make(chan struct{})
	f.on(contract.DescribeTask.Name, func([]byte) (int, any) {
		state := "running"
		if looks.Add(1) == 1 {
			state = "new"
		} else {
			<-streamed
			state = "finished"
		}
		return 200, described(contract.TaskSummary{ID: "a", State: state})
	})
	f.on(contract.ServerLogs.Name, func(body []byte) (int, any) {
		var req contract.LogsRequest
		if err := json.Unmarshal(body, &req); err != nil {
			t.Error(err)
		}
		switch {
		case req.After == "" && req.Lines == 2:
			return 200, contract.Logs{Lines: []string{"o1", "o2"}, Next: "c1"}
		case req.After == "c1": // the stream was cut before it brought them
			return 200, contract.Logs{Lines: []string{"r2", "o3"}, Next: "c2"}
		case req.After == "c2":
			return 200, contract.Logs{Lines: []string{"o4"}, Next: "c3"}
		case req.After == "c3":
			return 200, contract.Logs{Lines: []string{}, Next: "c3"}
		}
		t.Errorf("asked %s", body)
		return 500, "no"
	})
	f.route("GET /api/v1/tasks/a/logs/live", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "after=c1" || r.Header.Get("Last-Event-ID") != "c1" {
			t.Errorf("asked %s, %v", r.URL, r.Header)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: c1\nevent: lines\ndata: {\"lines\":[]}\n\nid: c2\nevent: lines\ndata: {\"lines\":[\"r2\",\"o3\"]}\n\n")
		_ = http.NewResponseController(w).Flush()
		time.AfterFunc(100*time.Millisecond, func() { close(streamed) })
		<-r.Context().Done()
	})
	r := f.ok("task", "logs", "a", "--lines", "2", "--follow")
	if r.out != "o1\no2\nr2\no3\no4\n" {
		t.Errorf("printed %q", r.out)
	}
	if !strings.Contains(r.err, "has not been started yet") || !strings.Contains(r.err, "no longer runs (finished)") {
		t.Errorf("told %q", r.err)
	}
}
