package e2e

import (
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/fleet"
)

// TestFleet is `agata bench fleet` with few clients: all of them are served, and
// start and stop what fits them, in an open cloud and in a closed one.
func TestFleet(t *testing.T) {
	for name, closed := range map[string]bool{"open": false, "closed": true} {
		t.Run(name, func(t *testing.T) {
			const clients = 24
			r, err := fleet.Run(t.Context(), fleet.Options{
				CloudOptions: fleet.CloudOptions{Binary: agata(t), Dir: t.TempDir(), Broker: fleet.Embedded},
				Clients:      clients, Interval: time.Second, Duration: 3 * time.Second, Tasks: 2, Starts: 1, Settle: time.Millisecond, Closed: closed,
			})
			if err != nil {
				t.Fatal(err)
			}
			if r.Asks.N < clients || r.Asks.P50 <= 0 || r.Asks.Max < r.Asks.P99 || r.Failed > 0 || r.Reports == 0 {
				t.Errorf("polls %+v, %d reports, %d failed: %s", r.Asks, r.Reports, r.Failed, r.Why)
			}
			if len(r.Cost) != 5 || r.CloudRSS <= 0 || r.AllCPUPerPoll < r.CloudCPUPerPoll {
				t.Errorf("it cost %+v", r)
			}
			for _, c := range r.Cost {
				if c.RSS <= 0 || c.Peak < c.RSS {
					t.Errorf("%s takes %d bytes, %d at most", c.Name, c.RSS, c.Peak)
				}
			}
			if len(r.Starts) != 3 {
				t.Fatalf("got %d starts", len(r.Starts))
			}
			for i, fit := range []int{1, 1, clients} {
				if s := r.Starts[i]; s.Fit != fit || s.Took.N != fit || s.Took.P50 <= 0 || s.StopTook <= 0 {
					t.Errorf("start %d: %+v, want %d clients", i, s, fit)
				}
			}
		})
	}
}

// TestFleetEvents is `agata bench events` with few events.
func TestFleetEvents(t *testing.T) {
	const events = 3000
	r, err := fleet.Events(t.Context(), fleet.EventOptions{
		CloudOptions: fleet.CloudOptions{Binary: agata(t), Dir: t.TempDir(), Broker: fleet.Embedded},
		Events:       events, Tellers: 3, Clients: 10, Tasks: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.PerSec <= 0 || r.Bytes <= 0 || len(r.Cost) != 2 || len(r.Queries) == 0 {
		t.Errorf("got %+v", r)
	}
	for _, q := range r.Queries {
		if q.Took.N == 0 || q.Took.P50 <= 0 {
			t.Errorf("%s took %+v", q.Path, q.Took)
		}
	}
}
