package history_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/history/historytest"
)

const howMany = 1_000_000

// BenchmarkQueries reads a history of 1,000,000 events, 10,000 clients and
// 10,000 tasks. To write it takes about a minute.
func BenchmarkQueries(b *testing.B) {
	s, err := history.Open(b.Context(), filepath.Join(b.TempDir(), "history.db"), history.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	began := time.Now()
	if err := historytest.Fill(b.Context(), s, historytest.Size{Tasks: 10_000, Clients: 10_000, Events: howMany, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	st, err := s.Stats(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("filled within %v: %d entries, %d MiB", time.Since(began), st.LastSeq, st.Bytes>>20)

	density := func(f history.Filter, by string, from, to float64) func() error {
		return func() error {
			f.From, f.To = from, to
			_, err := s.Density(b.Context(), f, by, 300, 50)
			return err
		}
	}
	events := func(f history.Filter, newest bool) func() error {
		return func() error {
			_, _, err := s.Events(b.Context(), f, history.EventPage{Newest: newest})
			return err
		}
	}
	hour, mid := 3600.0, (st.First+st.Last)/2
	task, client := historytest.TaskID(3), historytest.ClientID(3)
	for _, bench := range []struct {
		name string
		run  func() error
	}{
		{"density/service/all", density(history.Filter{}, "service", 0, 0)},
		{"density/client/all", density(history.Filter{}, "client", 0, 0)},
		{"density/client/2days", density(history.Filter{}, "client", mid-24*hour, mid+24*hour)},
		{"density/client/8hours", density(history.Filter{}, "client", mid-4*hour, mid+4*hour)},
		{"density/client/hour", density(history.Filter{}, "client", mid, mid+hour)},
		{"density/task/all", density(history.Filter{Task: task}, "client", 0, 0)},
		{"density/one-client/all", density(history.Filter{Client: client}, "service", 0, 0)},
		{"density/text/all", density(history.Filter{Text: "error"}, "client", 0, 0)},
		{"events/newest", events(history.Filter{}, true)},
		{"events/task", events(history.Filter{Task: task}, false)},
		{"events/client", events(history.Filter{Client: client}, true)},
		{"events/task+client", events(history.Filter{Task: task, Client: client}, false)},
		{"events/service", events(history.Filter{Service: "Operator"}, false)},
		{"events/client+service", events(history.Filter{Client: client, Service: "service_client_ml"}, false)},
		{"events/text-nowhere", events(history.Filter{Text: "no such text"}, true)},
		{"executions/all", func() error {
			_, _, err := s.Executions(b.Context(), history.ExecutionFilter{}, "", 100)
			return err
		}},
		{"executions/task+state", func() error {
			_, _, err := s.Executions(b.Context(), history.ExecutionFilter{Task: task, State: "failed"}, "", 100)
			return err
		}},
		{"executions/state+side", func() error {
			_, _, err := s.Executions(b.Context(), history.ExecutionFilter{State: "running", Side: "client"}, "", 100)
			return err
		}},
		{"rounds", func() error {
			_, err := s.Rounds(b.Context(), history.RoundFilter{Task: historytest.TaskID(0)})
			return err
		}},
		{"counts", func() error { _, err := s.Counts(b.Context(), st.Last); return err }},
		{"stats", func() error { _, err := s.Stats(b.Context()); return err }},
		{"since/all-for-a-rare-task", func() error {
			_, err := s.Since(b.Context(), history.Filter{Task: historytest.TaskID(9999)}, 0, 100)
			return err
		}},
		{"clients/100", func() error {
			var ids []string
			for n := range 100 {
				ids = append(ids, historytest.ClientID(n))
			}
			_, err := s.Clients(b.Context(), ids)
			return err
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				if err := bench.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
