package history

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

// The records of an execution come in any order; what counts is how it ended.
func TestExecutionsTakeTheLastWord(t *testing.T) {
	for name, tt := range map[string]struct {
		records []contract.Record
		want    string
	}{
		"in order":                {[]contract.Record{run(1, "x", "u", "t", "running"), run(2, "x", "u", "t", "finished")}, "finished"},
		"late running":            {[]contract.Record{run(2, "x", "u", "t", "finished"), run(1, "x", "u", "t", "running")}, "finished"},
		"running, a later clock":  {[]contract.Record{run(2, "x", "u", "t", "failed"), run(9, "x", "u", "t", "running")}, "failed"},
		"ended, an earlier clock": {[]contract.Record{run(2, "x", "u", "t", "running"), run(1, "x", "u", "t", "stopped")}, "stopped"},
		"ended again, later":      {[]contract.Record{run(1, "x", "u", "t", "failed"), run(2, "x", "u", "t", "stopped")}, "stopped"},
		"ended again, earlier":    {[]contract.Record{run(2, "x", "u", "t", "failed"), run(1, "x", "u", "t", "stopped")}, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{Now: (&clock{noon + 100}).now})
			for range 2 {
				for _, r := range tt.records {
					if _, err := s.Add(t.Context(), []contract.Record{r}); err != nil {
						t.Fatal(err)
					}
				}
			}
			got, found, err := s.Execution(t.Context(), "x")
			if err != nil || !found || string(got.State) != tt.want || got.Task != "t" || got.Client != "u" {
				t.Errorf("%+v, %v; want %s", got, err, tt.want)
			}
			entries, err := s.since(t.Context(), &Filter{}, 0, s.LastSeq(), 10)
			if err != nil || len(entries) != 1 || string(entries[0].Run.State) != tt.want {
				t.Errorf("%d entries, %v", len(entries), err)
			}
		})
	}
}

func TestExecutionKeepsWhatALaterRecordLeavesOut(t *testing.T) {
	s := open(t, Options{})
	code, signal := 1, 9
	end := run(2, "x", "", "", "failed")
	end.Run.ExitCode, end.Run.Signal, end.Run.LastLines, end.Run.Reason = &code, &signal, []string{"a", "b"}, "signaled"
	add(t, s, 2, run(1, "x", "u", "t", "running"), end)
	got, _, err := s.Execution(t.Context(), "x")
	if err != nil || got.Task != "t" || got.Client != "u" || *got.ExitCode != 1 || *got.Signal != 9 || len(got.LastLines) != 2 || got.Reason != "signaled" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, found, err := s.Execution(t.Context(), "y"); found || err != nil {
		t.Errorf("an execution that is not there: %v, %v", found, err)
	}
}

func TestExecutionsPageByPage(t *testing.T) {
	s := open(t, Options{})
	for n := range 20 {
		r := run(float64(n), fmt.Sprintf("x%02d", n), []string{"", "u1"}[n%2], "t", []string{"running", "failed"}[n/10])
		r.Run.Started = noon + float64(n/3)
		if n == 19 {
			r.Run.Started = -1 // nonsense: the record's own time stands in
		}
		r.Run.LastLines = []string{"line"}
		add(t, s, 1, r)
	}
	for name, tt := range map[string]struct {
		filter ExecutionFilter
		want   string
	}{
		"all":       {ExecutionFilter{}, "x19 x18 x17 x16 x15 x14 x13 x12 x11 x10 x09 x08 x07 x06 x05 x04 x03 x02 x01 x00"},
		"client":    {ExecutionFilter{Client: "u1", State: "failed"}, "x19 x17 x15 x13 x11"},
		"side":      {ExecutionFilter{Side: "server", Task: "t", State: "running"}, "x08 x06 x04 x02 x00"},
		"execution": {ExecutionFilter{Execution: "x07"}, "x07"},
		"none":      {ExecutionFilter{Task: "u"}, ""},
	} {
		var got []string
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := s.Executions(t.Context(), tt.filter, cursor, 3)
			if err != nil || len(page) > 3 {
				t.Fatalf("%s: %d, %v", name, len(page), err)
			}
			for _, e := range page {
				got = append(got, e.ID)
				if e.LastLines != nil {
					t.Errorf("%s: a list has last lines", name)
				}
			}
			cursor = next
		}
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("%s: %s", name, text)
		}
	}
	for _, cursor := range []string{"?", "MQ", "eCB5"} {
		if _, _, err := s.Executions(t.Context(), ExecutionFilter{}, cursor, 3); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

func TestCounts(t *testing.T) {
	s := open(t, Options{})
	old := run(-90_000, "x4", "u", "t", "failed")
	add(t, s, 4, run(0, "x1", "u", "t", "running"), run(0, "x2", "", "t", "running"), run(0, "x3", "u", "t", "failed"), old)
	for client, at := range map[string]float64{"u1": noon, "u2": noon - 59, "u3": noon - 61} {
		if err := s.Seen(t.Context(), client, at); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Counts(t.Context(), noon); err != nil || got != (Counts{ClientsSeen: 2, Running: 2, FailedLately: 1}) {
		t.Errorf("%+v, %v", got, err)
	}
}
