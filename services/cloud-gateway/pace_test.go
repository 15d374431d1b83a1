package cloudgateway

import (
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/services/cloud-gateway/api"
)

func TestRoundTakesAsLongAsTheAnswers(t *testing.T) {
	var p pace
	now := time.Unix(1000, 0)
	if got := p.round(now, 300); got != 300*time.Second { // nobody was answered: one a second
		t.Errorf("got %s", got)
	}
	for range 500 {
		p.answered(now.Add(time.Second / 2))
	}
	now = now.Add(paceWindow)
	for n, want := range map[int]time.Duration{0: 0, 500: time.Second, 10_000: 20 * time.Second, 1_000_000: mostPace} {
		if got := p.round(now, n); got != want {
			t.Errorf("%d clients take %s, want %s", n, got, want)
		}
	}
}

func TestOnlyABusyGatewaySaysLater(t *testing.T) {
	store, err := history.Open(t.Context(), t.TempDir()+"/history.db", history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	a, err := api.New(api.Options{Transport: brokertest.Connect(t, brokertest.Embedded(t)), History: store, Schemas: brokertest.Schemas(t)})
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{slots: make(chan struct{}, maxCalls), api: a}
	said := func(fn string) string {
		w := httptest.NewRecorder()
		s.paced(w, fn)
		return w.Header().Get(contract.RetryHeader)
	}
	if got := said(contract.RequestTasks.Name); got != "" {
		t.Errorf("a gateway at rest says %s", got)
	}
	for range maxCalls/8 + 1 {
		s.slots <- struct{}{}
	}
	if got := said(contract.UpdateUser.Name); got != "" {
		t.Errorf("another function's answer says %s", got)
	}
	if got, err := strconv.ParseFloat(said(contract.RequestTasks.Name), 64); err != nil || got < 0 || got > 2 {
		t.Errorf("a busy one says %v, %v", got, err)
	}
}
