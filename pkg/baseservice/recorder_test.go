package baseservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// queues is a publisher that keeps what it was given.
type queues struct {
	mu     sync.Mutex
	bodies map[string][]string
	// fail, when set, decides how a publication goes after it was kept: what is
	// refused may be on the queue all the same.
	fail func(ctx context.Context, queue string) error
}

func (q *queues) Publish(ctx context.Context, queue string, bodies ...[]byte) error {
	q.mu.Lock()
	if q.bodies == nil {
		q.bodies = map[string][]string{}
	}
	for _, b := range bodies {
		q.bodies[queue] = append(q.bodies[queue], string(b))
	}
	q.mu.Unlock()
	if q.fail != nil {
		return q.fail(ctx, queue)
	}
	return nil
}

func (q *queues) of(queue string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.bodies[queue])
}

// records are the decoded messages of the queue of records.
func (q *queues) records(t *testing.T) []contract.Record {
	t.Helper()
	var list []contract.Record
	for _, body := range q.of(contract.RecordsQueue) {
		var r contract.Record
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// record runs a recorder on a publisher while tell runs, and stops it.
func record(t *testing.T, q *queues, opt baseservice.RecorderOptions, tell func(*baseservice.Recorder)) {
	t.Helper()
	opt.Publisher = q
	r := baseservice.NewRecorder(opt)
	stop := run(t, "recorder", r.Run)
	tell(r)
	stop()
}

const traceOf = "0af7651916cd43dd8448eb211c80319c"

func TestWhatGoesToWhichQueue(t *testing.T) {
	for _, tc := range []struct {
		events, records bool
	}{{true, true}, {true, false}, {false, true}, {false, false}} {
		t.Run(fmt.Sprintf("events=%t records=%t", tc.events, tc.records), func(t *testing.T) {
			q := &queues{}
			record(t, q, baseservice.RecorderOptions{Service: "svc", Client: "ada", Events: tc.events, Records: tc.records}, func(r *baseservice.Recorder) {
				ctx := rpc.WithTrace(t.Context(), "00-"+traceOf+"-b7ad6b7169203331-01")
				r.Event(ctx, contract.About{Task: "a", Execution: "x"}, "f", "Started")
				r.Forward(t.Context(), contract.About{Task: "a"}, contract.Event{Time: 12.5, Service: "task_client", Function: "main", Event: "Error!"})
				r.Tell(ctx, contract.Record{Kind: contract.RecordRound, Round: &contract.Round{Side: contract.SideClient, Round: "1", Acc: "0.5"}})
			})
			events, records := q.of(contract.EventsQueue), q.records(t)
			if want := map[bool]int{true: 2}[tc.events]; len(events) != want {
				t.Fatalf("%d events, want %d: %q", len(events), want, events)
			}
			if want := map[bool]int{true: 3}[tc.records]; len(records) != want {
				t.Fatalf("%d records, want %d: %+v", len(records), want, records)
			}
			if tc.events && events[1] != `{"time":12.5,"service":"task_client","function":"main","event":"Error!"}` {
				t.Errorf("another's event is %s", events[1])
			}
			if !tc.records {
				return
			}
			for i, want := range []contract.Record{
				{Kind: contract.RecordEvent, About: contract.About{Task: "a", Execution: "x"}, Trace: traceOf},
				{Kind: contract.RecordEvent, About: contract.About{Task: "a"}},
				{Kind: contract.RecordRound, Trace: traceOf},
			} {
				r := records[i]
				if r.ID == "" || r.Client != "ada" || r.Kind != want.Kind || r.About != want.About || r.Trace != want.Trace {
					t.Errorf("record %d is %+v", i, r)
				}
			}
			if records[0].ID == records[1].ID {
				t.Error("two records have one id")
			}
			if e := records[0].Event; e.Service != "svc" || e.Time != records[0].Time || time.Since(time.Unix(int64(e.Time), 0)) > time.Minute {
				t.Errorf("the event's record is %+v, %+v", records[0], e)
			}
			if records[1].Time != 12.5 || records[2].Round.Acc != "0.5" {
				t.Errorf("the records are %+v", records)
			}
		})
	}
}

func TestARecordKeepsWhatItHas(t *testing.T) {
	q := &queues{}
	given := contract.Record{ID: "id", Kind: contract.RecordClient, Time: 1, Client: "bob", Trace: traceOf, State: &contract.ClientState{UserID: "bob"}}
	record(t, q, baseservice.RecorderOptions{Client: "ada", Records: true}, func(r *baseservice.Recorder) {
		r.Tell(rpc.WithTrace(t.Context(), "00-b7ad6b7169203331b7ad6b7169203331-b7ad6b7169203331-01"), given)
		r.Tell(rpc.WithTrace(t.Context(), "not a traceparent"), contract.Record{Kind: contract.RecordEvent})
		r.Tell(t.Context(), contract.Record{Kind: contract.RecordEvent, Time: math.NaN()}) // cannot be encoded
	})
	got := q.records(t)
	if len(got) != 2 || got[0].ID != "id" || got[0].Time != 1 || got[0].Client != "bob" || got[0].Trace != traceOf {
		t.Errorf("got %+v", got)
	}
	if len(got) == 2 && (got[1].Trace != "" || got[1].Client != "ada") {
		t.Errorf("got %+v", got[1])
	}
}

// What the broker left in doubt goes out again as it was: in its order, and each
// record with the id that it had.
func TestWhatIsInDoubtGoesOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 3
		q := &queues{}
		q.fail = func(context.Context, string) error {
			if failures--; failures >= 0 {
				return errors.New("the connection ended")
			}
			return nil
		}
		record(t, q, baseservice.RecorderOptions{Records: true}, func(r *baseservice.Recorder) {
			for i := range 5 {
				r.Event(t.Context(), contract.About{}, "f", fmt.Sprint(i))
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if failures > 0 {
				t.Errorf("it was tried too seldom: %d failures are left", failures)
			}
		})
		seen := map[string]bool{}
		var texts []string
		for _, r := range q.records(t) {
			if !seen[r.ID] {
				seen[r.ID] = true
				texts = append(texts, r.Event.Event)
			}
		}
		if got := strings.Join(texts, ""); got != "01234" || len(q.records(t)) <= 5 {
			t.Errorf("by their ids the records are %q, of %d messages", got, len(q.records(t)))
		}
	})
}

// While the broker is away the newest wait, and those dropped are counted, for
// each queue by itself.
func TestTheOldestAreDroppedBeyondTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound, over = 10_000, 25
		away := true
		var mu sync.Mutex
		q := &queues{}
		q.fail = func(_ context.Context, queue string) error {
			mu.Lock()
			defer mu.Unlock()
			if away && queue == contract.RecordsQueue {
				return errors.New("no connection")
			}
			return nil
		}
		reg := prometheus.NewRegistry()
		record(t, q, baseservice.RecorderOptions{Service: "svc", Events: true, Records: true, Registerer: reg}, func(r *baseservice.Recorder) {
			for i := range bound + over {
				r.Event(t.Context(), contract.About{}, "f", fmt.Sprint(i))
				if i%100 == 0 {
					synctest.Wait() // the queue that works is emptied meanwhile
				}
			}
			synctest.Wait()
			mu.Lock()
			away = false
			mu.Unlock()
			q.mu.Lock()
			q.bodies[contract.RecordsQueue] = nil
			q.mu.Unlock()
			time.Sleep(5 * time.Second)
		})
		if n := len(q.of(contract.EventsQueue)); n != bound+over {
			t.Errorf("%d events came, %d were put on a queue that works", n, bound+over)
		}
		records := q.records(t)
		if len(records) != bound || records[0].Event.Event != fmt.Sprint(over) {
			t.Errorf("%d records came, the first is %+v", len(records), records[0].Event)
		}
		want := fmt.Sprintf(`
# HELP agata_events_dropped_total Events and records given up because too many waited for the broker.
# TYPE agata_events_dropped_total counter
agata_events_dropped_total{queue="agata_records",service="svc"} %d
agata_events_dropped_total{queue="events",service="svc"} 0
`, over)
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "agata_events_dropped_total"); err != nil {
			t.Error(err)
		}
	})
}

// At the stop what waits is delivered, and a broker that does not answer holds
// nothing up for long.
func TestTheLastOnesGoOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queues{}
		r := baseservice.NewRecorder(baseservice.RecorderOptions{Publisher: q, Events: true, Records: true})
		r.Event(t.Context(), contract.About{}, "main", "Interrupted")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
		if e, rec := q.of(contract.EventsQueue), q.of(contract.RecordsQueue); len(e) != 1 || len(rec) != 1 {
			t.Errorf("got %q and %q", e, rec)
		}

		q = &queues{fail: func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }}
		reg := prometheus.NewRegistry()
		began := time.Now()
		record(t, q, baseservice.RecorderOptions{Service: "svc", Events: true, Records: true, Registerer: reg}, func(r *baseservice.Recorder) {
			r.Event(t.Context(), contract.About{}, "main", "Interrupted")
		})
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("a silent broker held the stop up for %s", took)
		}
		if n, err := testutil.GatherAndCount(reg, "agata_events_dropped_total"); err != nil || n != 2 {
			t.Errorf("%d counters, %v", n, err)
		}
		want := `
# HELP agata_events_dropped_total Events and records given up because too many waited for the broker.
# TYPE agata_events_dropped_total counter
agata_events_dropped_total{queue="agata_records",service="svc"} 1
agata_events_dropped_total{queue="events",service="svc"} 1
`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "agata_events_dropped_total"); err != nil {
			t.Error(err)
		}
	})
}

// Calls and what they lead to hang together: a trace that came with a call is
// kept, and one that came without begins one.
func TestCallsHaveATrace(t *testing.T) {
	b := setup(t)
	stop := b.service(t, baseservice.Options{Records: true, EventName: "svc", Client: "ada"}, func(s *baseservice.Service) {
		baseservice.Handle(s, contract.GetTask, func(ctx context.Context, req contract.TaskIDRequest) (contract.Task, error) {
			s.Event(ctx, contract.About{Task: req.TaskID}, "f", "Started")
			s.Event(ctx, contract.About{Task: req.TaskID}, "f", "Finished")
			return contract.Task{}, nil
		})
	})
	b.wire(t, contract.GetTask.Name, `{"task_id":"without"}`)
	ctx := rpc.WithTrace(t.Context(), "00-"+traceOf+"-b7ad6b7169203331-01")
	if _, err := rpc.Call(ctx, b.transport, contract.GetTask, contract.TaskIDRequest{TaskID: "with"}); err != nil {
		t.Fatal(err)
	}
	stop()
	traces := map[string][]string{}
	subCtx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := b.transport.SubscribeBatch(subCtx, contract.RecordsQueue, func(bodies [][]byte) error {
		for _, body := range bodies {
			var r contract.Record
			if err := json.Unmarshal(body, &r); err != nil {
				return err
			}
			if r.Client != "ada" {
				t.Errorf("a record of client %q", r.Client)
			}
			if r.Task != "" {
				traces[r.Task] = append(traces[r.Task], r.Trace)
			}
			if r.Event.Event == "Interrupted" {
				cancel()
			}
		}
		return nil
	})
	if err != nil || !slices.Equal(traces["with"], []string{traceOf, traceOf}) {
		t.Errorf("with a trace: %q, %v", traces["with"], err)
	}
	if w := traces["without"]; len(w) != 2 || w[0] != w[1] || len(w[0]) != 32 || w[0] == traceOf {
		t.Errorf("without a trace: %q", w)
	}
}
