package simulation

import (
	"testing"
	"time"
)

func TestADay(t *testing.T) {
	began := time.Now()
	r, err := Run(Options{Seed: 1, Clients: 300, Span: 24 * time.Hour, Interval: time.Minute, Faults: DefaultFaults()})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v, %d events, %d polls, %d executions, %d offline, %s", time.Since(began), r.Events, r.Polls, r.Executions, r.Offline, r.Hash)
	for _, f := range r.Figures {
		t.Logf("%+v", f)
	}
	for _, v := range r.Violations {
		t.Error(v)
	}
	if r.Wrongs > 0 {
		t.Error(r.Wrongs)
	}
}
