package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

// story adds events of two clients and the cloud; their texts tell their order in time.
func story(t *testing.T, s *Store) {
	t.Helper()
	three := event(3, "u1", "service_client_ml", "t1", "3 Failed 100%_sure")
	three.Execution = "x1"
	add(t, s, 6,
		event(5, "u2", "service_client_ml", "t2", "5"),
		event(1, "", "cloud_gateway", "", "1"),
		three,
		event(2, "", "service_cloud_ml", "t1", "2 failed"),
		event(4, "u1", "client_gateway", "", "4"),
		event(4, "u1", "client_gateway", "", "4b"), // in the same moment, stored later
	)
}

func TestEventsByFilter(t *testing.T) {
	s := open(t, Options{})
	story(t, s)
	tests := map[string]struct {
		filter Filter
		want   string
	}{
		"all":            {Filter{}, "1 2 3 4 4b 5"},
		"task":           {Filter{Task: "t1"}, "2 3"},
		"client":         {Filter{Client: "u1"}, "3 4 4b"},
		"cloud":          {Filter{Cloud: true}, "1 2"},
		"execution":      {Filter{Execution: "x1"}, "3"},
		"service":        {Filter{Service: "service_client_ml"}, "3 5"},
		"function":       {Filter{Function: "f"}, "1 2 3 4 4b 5"},
		"no function":    {Filter{Function: "g"}, ""},
		"text":           {Filter{Text: "FAILED"}, "2 3"},
		"no pattern":     {Filter{Text: "0%_s"}, "3"},
		"no wildcard":    {Filter{Text: "%3"}, ""},
		"from":           {Filter{From: noon + 4}, "4 4b 5"},
		"to":             {Filter{To: noon + 2}, "1 2"},
		"between":        {Filter{From: noon + 2, To: noon + 3, Client: "u1"}, "3"},
		"task+client":    {Filter{Task: "t1", Client: "u1"}, "3"},
		"task+cloud":     {Filter{Task: "t1", Cloud: true}, "2"},
		"client+service": {Filter{Client: "u1", Service: "client_gateway"}, "4 4b"},
		"all of it":      {Filter{Task: "t1", Client: "u1", Execution: "x1", Service: "service_client_ml", Function: "f", Text: "sure", From: noon, To: noon + 9}, "3"},
		"contradiction":  {Filter{Client: "u1", Cloud: true}, ""},
		"nobody":         {Filter{Client: "u3"}, ""},
		"no kind":        {Filter{Kinds: []contract.RecordKind{contract.RecordRound}}, ""},
		"kind":           {Filter{Kinds: []contract.RecordKind{contract.RecordEvent}, Task: "t2"}, "5"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			first := func(entries []Entry) string {
				var list []string
				for _, text := range texts(entries) {
					list = append(list, strings.Fields(text)[0])
				}
				return strings.Join(list, " ")
			}
			got, next, err := s.Events(t.Context(), tt.filter, EventPage{})
			if err != nil || next != "" || first(got) != tt.want {
				t.Errorf("got %q and more %q, %v; want %q", first(got), next, err, tt.want)
			}
			// Those who follow must get the same, from memory and from the file.
			for from, since := range map[string]func() ([]Entry, error){
				"memory": func() ([]Entry, error) { return s.Since(t.Context(), tt.filter, 0, 0) },
				"file":   func() ([]Entry, error) { return s.since(t.Context(), &tt.filter, 0, s.LastSeq(), 100) },
			} {
				got, err := since()
				slices.SortStableFunc(got, func(a, b Entry) int { return int(a.Time - b.Time) })
				if err != nil || first(got) != tt.want {
					t.Errorf("since, from the %s: %q, %v; want %q", from, first(got), err, tt.want)
				}
			}
			// And so must the counts.
			for _, by := range []string{ByService, ByClient} {
				d, err := s.Density(t.Context(), tt.filter, by, 10, 10)
				if err != nil || d.Total != int64(len(strings.Fields(tt.want))) {
					t.Errorf("density counts %d by %s, %v", d.Total, by, err)
				}
			}
		})
	}
}

func TestEventsPageByPage(t *testing.T) {
	s := open(t, Options{})
	var records []contract.Record
	var want []string
	for n := range 25 {
		text := fmt.Sprint(n)
		want = append(want, text)
		records = append(records, event(float64(n/4), "u", "s", "t", text)) // four in each moment
	}
	add(t, s, 25, records...)
	for _, filter := range []Filter{{}, {Task: "t"}, {Function: "f", Client: "u"}} {
		for _, newest := range []bool{false, true} {
			want := slices.Clone(want)
			if newest {
				slices.Reverse(want)
			}
			var got []string
			page := EventPage{Limit: 3, Newest: newest}
			for more := true; more; more = page.Cursor != "" {
				entries, next, err := s.Events(t.Context(), filter, page)
				if err != nil || len(entries) > 3 {
					t.Fatalf("%d entries, %v", len(entries), err)
				}
				got = append(got, texts(entries)...)
				page.Cursor = next
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v, newest %v: got %v", filter, newest, got)
			}
		}
	}
	var got []string
	err := s.EachEvent(t.Context(), Filter{}, func(e Entry) error { got = append(got, e.Event.Event); return nil })
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("each: %v, %v", got, err)
	}
	full := errors.New("the disk is full")
	if err := s.EachEvent(t.Context(), Filter{}, func(Entry) error { return full }); !errors.Is(err, full) {
		t.Errorf("each: %v, want the function's error", err)
	}
	for _, cursor := range []string{"x", "!", place(Entry{}), "MSAy"} {
		if _, _, err := s.Events(t.Context(), Filter{}, EventPage{Cursor: cursor}); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

// A search looks at so many events a page, and goes on where it stopped.
func TestASearchIsBounded(t *testing.T) {
	s := open(t, Options{})
	s.maxScan = 100
	var records []contract.Record
	for n := range 350 {
		text := "hay"
		if n == 3 || n == 303 {
			text = "needle"
		}
		records = append(records, event(float64(n), "", "s", "", text))
	}
	add(t, s, len(records), records...)
	for newest, want := range map[bool][]int{false: {1, 0, 0, 1}, true: {1, 0, 0, 1}} {
		var found []int
		page := EventPage{Newest: newest}
		for more := true; more; more = page.Cursor != "" {
			entries, next, err := s.Events(t.Context(), Filter{Text: "needle"}, page)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, len(entries))
			page.Cursor = next
		}
		if !slices.Equal(found, want) {
			t.Errorf("newest %v: the pages have %d, want %d", newest, found, want)
		}
	}
	entries, err := s.since(t.Context(), &Filter{Text: "needle"}, 0, s.LastSeq(), 10)
	if err != nil || len(entries) != 2 {
		t.Errorf("since: %d, %v", len(entries), err)
	}
}

// No list may look at all events, whatever is asked for.
func TestSQLiteListsUseTheirIndexes(t *testing.T) {
	s := open(t, Options{})
	story(t, s)
	for name, tt := range map[string]struct {
		filter Filter
		index  string
	}{
		"time":      {Filter{From: noon, To: noon + 9}, "events_time (time>? AND time<?)"},
		"task":      {Filter{Task: "t1", From: noon}, "events_task (task=? AND time>?)"},
		"client":    {Filter{Client: "u1", To: noon + 9}, "events_client (client=? AND time<?)"},
		"cloud":     {Filter{Cloud: true}, "events_client (client=?)"},
		"service":   {Filter{Service: "cloud_gateway"}, "events_service (service=?)"},
		"execution": {Filter{Execution: "x1"}, "events_execution (execution=?)"},
		// Of two, the one with fewer events: t1 has two, u1 has three, u2 has one.
		"task+client":   {Filter{Task: "t1", Client: "u1"}, "events_task (task=?)"},
		"task+client 2": {Filter{Task: "t1", Client: "u2"}, "events_client (client=?)"},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.db.View(t.Context(), func(q database.Querier) error {
				p, ok, err := s.plan(t.Context(), q, &tt.filter)
				if err != nil || !ok {
					return fmt.Errorf("no plan: %w", err)
				}
				for _, newest := range []bool{true, false} {
					query, args := p.query(eventColumns, &conditions{}, newest, 10, 0)
					if got := explain(t, q, query, args...); got != "SEARCH events USING INDEX "+tt.index {
						t.Errorf("%s\nis done by %s\nwant %s", query, got, tt.index)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// explain returns SQLite's plan, its steps joined by "; ".
func explain(t *testing.T, q database.Querier, query string, args ...any) string {
	t.Helper()
	rows, err := q.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "; ")
}

func TestSQLiteOtherListsUseTheirIndexes(t *testing.T) {
	s := open(t, Options{})
	err := s.db.View(t.Context(), func(q database.Querier) error {
		for _, query := range []string{
			"SELECT " + executionColumns + " FROM executions WHERE (started, id) < (1, 'x') ORDER BY started DESC, id DESC LIMIT 9",
			"SELECT " + executionColumns + " FROM executions WHERE task = 'x' ORDER BY started DESC, id DESC LIMIT 9",
			"SELECT " + executionColumns + " FROM executions WHERE client = 'x' ORDER BY started DESC, id DESC LIMIT 9",
			"SELECT " + executionColumns + " FROM executions WHERE state = 'x' ORDER BY started DESC, id DESC LIMIT 9",
			"SELECT count(*) FROM executions WHERE state = 'running'",
			"SELECT count(*) FROM executions WHERE state = 'failed' AND ended > 1",
			"SELECT 1 FROM executions WHERE seq > 1 AND seq <= 2 ORDER BY seq LIMIT 9",
			"SELECT 1 FROM states WHERE seq > 1 AND seq <= 2 ORDER BY seq LIMIT 9",
			"SELECT " + roundColumns + " FROM rounds JOIN series ON series.id = rounds.series WHERE seq > 1 AND seq <= 2 ORDER BY seq LIMIT 9",
			"SELECT time, round, acc, loss FROM rounds WHERE series = 1 ORDER BY time DESC, seq DESC LIMIT 9",
			"SELECT cell, counts FROM density WHERE width = 60 AND cell >= 1 AND cell < 2",
			strings.Replace(sqlPending, "?", "'x'", 1),
			"SELECT 1 FROM events WHERE client = 1", "SELECT 1 FROM events WHERE service = 1", "SELECT 1 FROM events WHERE task = 1",
		} {
			if got := explain(t, q, query); strings.Contains(got, "SCAN") || strings.Contains(got, "TEMP B-TREE") {
				t.Errorf("%s\nis done by %s", query, got)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
