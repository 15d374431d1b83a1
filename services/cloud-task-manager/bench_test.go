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
		m.offers.Add(o)
	}
	if got := len(c.offered("u")); got != 100 {
		b.Fatalf("%d tasks are offered, want 100", got)
	}
	b.Run("select", func(b *testing.B) {
		client, err := m.client(b.Context(), contract.About{}, "u")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if tasks, err := m.offers.Select(b.Context(), client); err != nil || len(tasks) != 100 {
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

// BenchmarkLists are pages of 100 among 10,000 tasks, over the broker.
func BenchmarkLists(b *testing.B) {
	c := newCloud(b)
	m := c.manager(func(o *Options) { o.Base.Events, o.Base.Records = false, false })
	for i := range 10_000 {
		req := contract.CreateTaskRequest{TaskID: fmt.Sprintf("task-%05d", i), Host: "10.0.0.1", Port: 8080, Username: "u", Password: "p",
			FilesPaths: []string{"client.py", "model.py"}, Tags: []string{"bench", fmt.Sprint("group ", i%50)}, SelectionCriteria: `(data_qnt > 50) and ("camera" in sensors)`}
		if err := m.store.create(b.Context(), req, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	for _, q := range []contract.ListTasksRequest{
		{}, {Order: contract.OrderNewest}, {State: "new"}, {State: "failed"}, {State: "new", Order: contract.OrderNewest},
		{ListRequest: contract.ListRequest{After: "task-05000"}}, {Order: contract.OrderNewest, ListRequest: contract.ListRequest{After: "~5000"}},
		{ListRequest: contract.ListRequest{Query: "group 7"}}, {ListRequest: contract.ListRequest{Query: "nowhere"}},
		{Order: contract.OrderNewest, ListRequest: contract.ListRequest{Query: "nowhere"}},
		{State: "new", Order: contract.OrderNewest, ListRequest: contract.ListRequest{Query: "TASK-00001"}},
	} {
		b.Run(fmt.Sprintf("state=%s,order=%s,after=%s,query=%s", q.State, q.Order, q.After, q.Query), func(b *testing.B) {
			for b.Loop() {
				must(c, contract.ListTasks, q)
			}
		})
	}
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			must(c, contract.CountTasks, contract.None{})
		}
	})
}

// BenchmarkAudience checks an expression against 10,000 clients, with and without
// having asked for them just now, and tells of a page of them why.
func BenchmarkAudience(b *testing.B) {
	c := newCloud(b)
	m := c.manager(func(o *Options) { o.Base.Events, o.Base.Records = false, false })
	for i := range 10_000 {
		c.user(contract.User{ID: fmt.Sprintf("client-%05d", i), DataQnt: ptr(int64(i)), AvgAccContrib: ptr(0.5), Sensors: []string{"camera", "ecu", "lidar"},
			Attributes: map[string]any{"gpu": true, "region": "north", "memory_gb": 16}})
	}
	const expression = `data_qnt > 5000 and ("camera" in sensors or gpu) and region == "north" and avg_acc_contrib < 0.4`
	c.create("a", expression)
	for name, cold := range map[string]bool{"check cold": true, "check warm": false} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if cold {
					m.clients.remember(nil)
					m.clients.at = time.Time{}
				}
				if got := must(c, contract.CheckCriteria, contract.CheckCriteriaRequest{Expression: expression}); got.Clients != 10_000 {
					b.Fatal(got)
				}
			}
		})
	}
	b.Run("clients", func(b *testing.B) {
		for b.Loop() {
			must(c, contract.ListTaskClients, contract.TaskAudienceRequest{TaskID: "a", ListRequest: contract.ListRequest{After: "client-02000"}})
		}
	})
}
