package main

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestAdded(t *testing.T) {
	for _, tc := range []struct{ before, now, want string }{
		{"", "", ""},
		{"", "a b", "a b"},
		{"a b", "a b", ""},
		{"a b", "a b c", "c"},
		{"r1 | o1 | e1", "r1 r2 | o1 o2 | e1 e2", "r2 o2 e2"}, // three streams grow
		{"a b c", "b c d", "d"},                               // the oldest went
		{"a a", "a a a", "a"},
		{"a b", "x y", "x y"}, // a new execution
		{"a b c", "", ""},
	} {
		got := added(strings.Fields(tc.before), strings.Fields(tc.now))
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%q to %q: got %v, want %q", tc.before, tc.now, got, tc.want)
		}
	}
}

// Whatever comes at the end of three streams is told once and in order, while
// each stream keeps only its last lines.
func TestAddedFollowsThreeStreams(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const keep = 20
	var streams [3][]string
	window := func() (all []string) {
		for _, s := range streams {
			all = append(all, s[max(0, len(s)-keep):]...)
		}
		return all
	}
	known, n := window(), 0
	for range 500 {
		var want []string
		for i := range streams {
			for range random.IntN(5) {
				n++
				line := string(rune('A'+i)) + strings.Repeat("x", n%7) + string(rune('a'+n%26)) + string(rune('a'+n/26%26)) + string(rune('a'+n/676))
				streams[i] = append(streams[i], line)
				want = append(want, line)
			}
		}
		now := window()
		if got := added(known, now); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		known = now
	}
}

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

func TestFollowEndsWithTheTask(t *testing.T) {
	f := newFakeCloud(t)
	lines := []string{"r1", "o1", "o2"}
	var looks atomic.Int32
	f.on(contract.ListTasks.Name, func([]byte) (int, any) {
		state := "running"
		switch looks.Add(1) {
		case 1:
			state = "new"
		case 3:
			state = "finished"
		}
		return 200, contract.TaskList{Tasks: []contract.TaskSummary{{ID: "a", State: state}}}
	})
	f.on(contract.ServerLogs.Name, func(body []byte) (int, any) {
		var req contract.LogsRequest
		if err := json.Unmarshal(body, &req); err != nil {
			t.Error(err)
		}
		now := slices.Clone(lines)
		switch looks.Load() {
		case 2:
			now = []string{"r1", "r2", "o1", "o2"}
		case 3:
			now = []string{"r1", "r2", "o1", "o2", "o3"}
		}
		return 200, contract.Logs{Lines: now[max(0, len(now)-req.Lines):]}
	})
	r := f.ok("task", "logs", "a", "--lines", "2", "--follow")
	if r.out != "o1\no2\nr2\no3\n" {
		t.Errorf("printed %q", r.out)
	}
	if !strings.Contains(r.err, "has not been started yet") || !strings.Contains(r.err, "no longer runs (finished)") {
		t.Errorf("told %q", r.err)
	}
}
