package brokertest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
)

// WantEvents reads a broker's queue of events and asks for these alone, written
// "function: event", in this order, and all of one service. An event may come
// twice.
func WantEvents(t testing.TB, tr *amqpx.Transport, service string, want []string) {
	t.Helper()
	var got []string
	seen := map[string]bool{}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := tr.Subscribe(ctx, contract.EventsQueue, func(body []byte) error {
		var e contract.Event
		if err := json.Unmarshal(body, &e); err != nil || e.Service != service {
			t.Errorf("%s: %v", body, err)
		}
		if seen[string(body)] {
			return nil
		}
		seen[string(body)] = true
		if got = append(got, e.Function+": "+e.Event); len(got) == len(want) {
			cancel()
		}
		return nil
	})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v; events (-want +got):\n%s", err, diff)
	}
}
