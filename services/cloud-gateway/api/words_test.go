package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// hears has a world's API hear what is said on its broker, as a gateway's does.
func (w *world) hears(name string) {
	w.t.Helper()
	s, err := baseservice.New(baseservice.Options{Name: name, Transport: w.tr, Schemas: brokertest.Schemas(w.t), SoftDrain: 10 * time.Millisecond, Hear: w.api.Hear})
	if err != nil {
		w.t.Fatal(err)
	}
	stop := brokertest.Run(w.t, name, s.Run)
	brokertest.Wait(w.t, "the start of "+name, s.Started())
	end := w.stop
	w.stop = func() { stop(); end() }
}

// second is another gateway of a world's cloud, over the same history.
func (w *world) second() *world {
	w.t.Helper()
	other := *w
	a, err := New(Options{Transport: w.tr, History: w.store, Schemas: brokertest.Schemas(w.t), Timeout: 5 * time.Second, Version: "1.2.3"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(a.Close)
	other.api = a
	return &other
}

// TestACommandReachesTheOtherGateway: a client has its downlink at one gateway, and
// an operator speaks to another.
func TestACommandReachesTheOtherGateway(t *testing.T) {
	w := newWorld(t, nil)
	w.hears("one")
	w.cloud.with(func(c *cloud) { c.users["ada"] = contract.User{ID: "ada"} })
	link := w.open("/clients/ada/downlink")
	w.linked(1)
	operators := w.second()
	if err := w.store.Command(t.Context(), "ada", contract.Command{ID: "c1", Kind: contract.CommandRelease, Task: "t"}); err != nil {
		t.Fatal(err)
	}
	operators.api.nudge(t.Context(), "ada")
	if c, _ := link.command(); c.ID != "c1" {
		t.Errorf("got %+v", c)
	}
	operators.api.nudge(t.Context(), fmt.Sprintf("%0300d", 1)) // a name that is no word's: nothing ends
}

// TestARevocationReachesTheOtherGateway: also a client that only that one has heard
// of. A word alone revokes nothing.
func TestARevocationReachesTheOtherGateway(t *testing.T) {
	w := newWorld(t, nil)
	w.hears("one")
	link := w.open("/clients/ada/downlink")
	w.linked(1)
	digest := fmt.Sprintf("%064x", 7)
	w.api.Hear(wordRevoked + "somebody")
	testenv.Eventually(t, 20*time.Second, "the word is looked up", func() bool {
		w.cloud.mu.Lock()
		defer w.cloud.mu.Unlock()
		return w.cloud.calls[contract.ListRevocations.Name] > 0
	})
	operators := w.second()
	w.cloud.with(func(c *cloud) { c.now = float64(time.Now().Unix()) })
	if _, err := call(t.Context(), operators.api, contract.RevokeBundle, contract.RevokeRequest{Digest: digest, TaskID: "t1"}); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 20*time.Second, "nobody looks up a word", func() bool { return len(w.api.hearing) == 0 })
	operators.api.say(t.Context(), wordRevoked+operators.api.id)
	if c, _ := link.command(); c.Kind != contract.CommandRevoke || c.Digest != digest || c.Task != "t1" {
		t.Errorf("got %+v", c)
	}
}
