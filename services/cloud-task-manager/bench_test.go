package cloudtaskmanager

import (
	"fmt"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// BenchmarkRequest is a client's request against 1,000 running tasks, a tenth of
// which are for it: in the service alone, and over the broker with the question
// to the user manager and the answer on the wire.
func BenchmarkRequest(b *testing.B) {
	c := newCloud(b)
	m := c.manager(func(o *Options) { o.Base.Events = false })
	c.user(contract.User{ID: "u", DataQnt: ptr(int64(60)), AvgAccContrib: ptr(0.5), Sensors: []string{"camera", "ecu"}})
	for i := range 1000 {
		o, err := newOffer(&task{seq: int64(i), id: fmt.Sprint("task-", i), host: "10.0.0.1", port: 8080, username: "u", password: "p",
			filesPaths: []string{"client.py", "model.py"}, tags: []string{"bench"},
			selectionCriteria: fmt.Sprintf(`(data_qnt > 50) and ("camera" in sensors) and avg_acc_contrib < 0.9 and data_qnt %% 10 == 0 and %d %% 10 == 3`, i)})
		if err != nil {
			b.Fatal(err)
		}
		m.offers.add(o)
	}
	if got := len(c.offered("u")); got != 100 {
		b.Fatalf("%d tasks are offered, want 100", got)
	}
	b.Run("select", func(b *testing.B) {
		client, err := m.client(b.Context(), "u")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if tasks, err := m.selected(b.Context(), client); err != nil || len(tasks) != 100 {
				b.Fatal(len(tasks), err)
			}
		}
	})
	b.Run("rpc", func(b *testing.B) {
		for b.Loop() {
			must(c, contract.RequestTasks, contract.UserIDRequest{UserID: "u"})
		}
	})
}

// BenchmarkStart is a start, from the call to its answer; the stop between two
// starts is not counted.
func BenchmarkStart(b *testing.B) {
	c := newCloud(b)
	c.manager()
	c.create("a", "")
	c.file("a", "server", "#!/bin/sh\nexec sleep 600\n")
	var took time.Duration
	n := 0
	for b.Loop() {
		began := time.Now()
		c.start("a")
		took += time.Since(began)
		n++
		c.halt("a")
	}
	b.ReportMetric(float64(took.Microseconds())/float64(n)/1000, "ms/start")
}

// BenchmarkCreate is a creation, from the call to its answer.
func BenchmarkCreate(b *testing.B) {
	c := newCloud(b)
	c.manager()
	n := 0
	for b.Loop() {
		c.create(fmt.Sprint("t", n), `data_qnt > 50 and "camera" in sensors`)
		n++
	}
}
