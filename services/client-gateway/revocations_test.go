package clientgateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// revokedHere plays a client's task manager that takes revocations in.
type revokedHere struct {
	mu      sync.Mutex
	digests []string
	fail    int // so many calls fail first
}

func (r *revokedHere) serve(t *testing.T, base baseservice.Options) {
	t.Helper()
	s, err := baseservice.New(base)
	if err != nil {
		t.Fatal(err)
	}
	baseservice.Handle(s, contract.RevokeBundle, func(_ context.Context, req contract.RevokeRequest) (none contract.None, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.fail--; r.fail >= 0 {
			return none, rpc.Errorf(rpc.Internal, "the disk is full")
		}
		r.digests = append(append(r.digests, req.Digest), req.Others...)
		return none, nil
	})
	brokertest.Run(t, "client task manager", s.Run)
	<-s.Started()
}

func (r *revokedHere) sorted() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(r.digests)))
}

func digestOf(n int) string { return fmt.Sprintf("%064x", n) }

// A client that comes back is told all that was revoked meanwhile, in pieces, and
// what its task manager did not take in comes again; then it is quiet.
func TestRevocationsThatAClientLacks(t *testing.T) {
	broker, h := brokertest.Embedded(t), newHistory(t)
	here := &revokedHere{fail: 1}
	here.serve(t, baseservice.Options{Name: "client-task-manager", Transport: brokertest.Connect(t, broker), Schemas: brokertest.Schemas(t)})
	total := 2*maxLacking + 5
	h.lacking = func(place *string) *contract.RevocationList {
		if place == nil {
			t.Error("a report tells of no place")
			return nil
		}
		reached := 0
		if _, err := fmt.Sscanf(*place, "list.%d", &reached); err != nil && *place != "" {
			t.Errorf("the place %q", *place)
		}
		if reached == total {
			return nil
		}
		list := &contract.RevocationList{Total: total}
		for ; reached < total && len(list.Revocations) < maxLacking; reached++ {
			list.Revocations = append(list.Revocations, contract.Revocation{Digest: digestOf(reached)})
		}
		list.Next = fmt.Sprintf("list.%d", reached)
		return list
	}
	report(t, h, broker, 200*time.Millisecond)
	testenv.Eventually(t, patience, "all are known", func() bool { return len(here.sorted()) == total })
	h.mu.Lock()
	total++
	h.mu.Unlock()
	testenv.Eventually(t, patience, "one more is known", func() bool { return len(here.sorted()) == total })
	here.mu.Lock()
	told := len(here.digests)
	here.mu.Unlock()
	before := h.postsSoFar()
	testenv.Eventually(t, patience, "some more reports", func() bool { return h.postsSoFar() >= before+3 })
	here.mu.Lock()
	defer here.mu.Unlock()
	if len(here.digests) != told || told != total {
		t.Errorf("told of %d, then %d, of %d", told, len(here.digests), total)
	}
}

// A command revokes at once, as the downlink brings it.
func TestACommandRevokes(t *testing.T) {
	broker, h := brokertest.Embedded(t), newHistory(t)
	here := &revokedHere{}
	here.serve(t, baseservice.Options{Name: "client-task-manager", Transport: brokertest.Connect(t, broker), Schemas: brokertest.Schemas(t)})
	h.commands = []contract.Command{{ID: "1", Kind: contract.CommandRevoke, Task: "a", Digest: digestOf(7)}, {ID: "2", Kind: contract.CommandRevoke, Digest: "none"}}
	report(t, h, broker, 300*time.Millisecond)
	testenv.Eventually(t, patience, "the outcomes arrive", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.done) >= 2
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.done[0] != (contract.CommandResult{ID: "1"}) || !strings.Contains(h.done[1].Error, "digest") || !slices.Equal(here.sorted(), []string{digestOf(7)}) {
		t.Errorf("%+v, %q", h.done, here.sorted())
	}
}

// The whole list is told anew once in a while.
func TestTheListIsToldAnew(t *testing.T) {
	r := revocations{reached: "list.7", since: time.Now()}
	if got := r.place(); got != "list.7" {
		t.Errorf("at %q", got)
	}
	r.since = time.Now().Add(-relist - time.Second)
	if got := r.place(); got != "" {
		t.Errorf("after an hour at %q", got)
	}
}
