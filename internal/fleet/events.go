package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// EventOptions of [Events]. Binary, Dir, Broker, Events and Tellers are required.
type EventOptions struct {
	CloudOptions
	Events  int // how many
	Tellers int // recorders that tell them, as services do
	Clients int // that they are of, each with an execution of each of its tasks
	Tasks   int
	Say     func(string) // nil: nobody
}

// EventReport is what storing events and looking at them takes. Times are in
// milliseconds.
type EventReport struct {
	Events  int    `json:"events"`
	Tellers int    `json:"tellers"`
	Clients int    `json:"clients"`
	Tasks   int    `json:"tasks"`
	Broker  string `json:"broker"`

	Seconds float64 `json:"seconds"` // from the first told to the last stored
	PerSec  float64 `json:"events_per_second"`
	Bytes   float64 `json:"bytes_per_event"` // on disk, in the history
	Cost    []Cost  `json:"cost"`            // CPU a poll is that of an event

	Queries []Query    `json:"queries"`
	Load    [2]float64 `json:"load_average"`
	CPUs    int        `json:"cpus"`
	Go      string     `json:"go"`
	At      time.Time  `json:"at"`
}

// Query is how long the gateway takes to answer one.
type Query struct {
	Path string `json:"path"`
	Took Spread `json:"took_ms"`
}

const (
	// ahead is how many events may be told and not stored: less than what waits on
	// disk for a broker, so that none is dropped.
	ahead = 50_000
	// storeTime bounds the whole.
	storeTime = 30 * time.Minute
	// asksEach is how often each query is made.
	asksEach = 100
)

// Events tells events by recorders, as services do: each is on the disk before it
// is told, goes over the broker to the cloud's gateway, and is in its history when
// it counts. Then it asks the gateway for what was stored.
func Events(ctx context.Context, opt EventOptions) (*EventReport, error) {
	if opt.Events < 1 || opt.Tellers < 1 || opt.Clients < 1 || opt.Tasks < 1 {
		return nil, fmt.Errorf("there must be events, tellers, clients and tasks, not %d, %d, %d and %d", opt.Events, opt.Tellers, opt.Clients, opt.Tasks)
	}
	rep := &EventReport{Events: opt.Events, Tellers: opt.Tellers, Clients: opt.Clients, Tasks: opt.Tasks, Broker: opt.Broker,
		CPUs: runtime.NumCPU(), Go: runtime.Version(), At: time.Now()}
	rep.Load[0] = LoadAverage()
	cloud, err := StartCloud(ctx, opt.CloudOptions)
	if cloud != nil {
		defer cloud.Stop()
	}
	if err != nil {
		return nil, err
	}
	e := &eventRun{EventOptions: opt, cloud: cloud, report: rep}
	if err := e.tell(ctx); err != nil {
		return nil, err
	}
	if err := e.query(ctx); err != nil {
		return nil, err
	}
	rep.Load[1] = LoadAverage()
	return rep, nil
}

type eventRun struct {
	EventOptions
	cloud  *Cloud
	report *EventReport
	stored atomic.Int64
}

// overview is what the gateway says of its history.
type overview struct {
	History struct {
		Events int64 `json:"events"`
		Bytes  int64 `json:"bytes"`
	} `json:"history"`
}

// tell tells all events and waits until they are stored.
func (e *eventRun) tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, storeTime, fmt.Errorf("not all events were stored within %s", storeTime))
	defer cancel()
	at := e.cloud.Broker
	password, _ := at.User.Password()
	transport, err := amqpx.New(amqpx.Options{
		Host: at.Hostname(), Port: portOf(e.cloud), User: at.User.Username(), Password: password, VHost: e.cloud.vhost(), Name: "agata/bench",
	})
	if err != nil {
		return err
	}
	var first overview
	if err := e.get(ctx, "/overview", &first); err != nil {
		return err
	}
	return transport.With(ctx, func(ctx context.Context) error {
		if err := transport.Ready(ctx); err != nil {
			return err
		}
		before, err := e.cloud.usage()
		if err != nil {
			return err
		}
		began := time.Now()
		var wg sync.WaitGroup
		defer wg.Wait()
		running, stop := context.WithCancel(ctx)
		defer stop()
		for n := range e.Tellers {
			r := baseservice.NewRecorder(baseservice.RecorderOptions{
				Publisher: transport, Service: "service_cloud_ml", Records: true, Spool: filepath.Join(e.Dir, "outbox", strconv.Itoa(n)),
			})
			if err := r.Open(); err != nil {
				return err
			}
			wg.Go(func() { _ = r.Run(running) }) // its failures are the transport's, which are seen below
			wg.Go(func() { e.teller(running, r, n) })
		}
		var now overview
		for {
			if err := e.get(ctx, "/overview", &now); err != nil {
				return err
			}
			e.stored.Store(now.History.Events - first.History.Events)
			if e.stored.Load() >= int64(e.Events) {
				break
			}
			if e.Say != nil {
				e.Say(fmt.Sprintf("%d of %d events are stored after %.0f s", e.stored.Load(), e.Events, time.Since(began).Seconds()))
			}
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		}
		took := time.Since(began)
		after, err := e.cloud.usage()
		if err != nil {
			return err
		}
		e.report.Seconds, e.report.PerSec = round(took.Seconds()), round(float64(e.Events)/took.Seconds())
		e.report.Bytes = round(float64(now.History.Bytes-first.History.Bytes) / float64(e.Events))
		for _, name := range []string{gateway, broker} {
			if u, ok := after[name]; ok {
				cpu := u.CPU - before[name].CPU
				e.report.Cost = append(e.report.Cost, Cost{Name: name, RSS: u.RSS, Peak: u.Peak, Idle: before[name].RSS,
					Share: round(cpu.Seconds() / took.Seconds()), PerPoll: round(float64(cpu.Microseconds()) / float64(e.Events))})
			}
		}
		return nil
	})
}

func portOf(c *Cloud) int {
	n, _ := strconv.Atoi(c.Broker.Port())
	return n
}

// teller tells its share, each event of any client and task, never too far ahead
// of what is stored.
func (e *eventRun) teller(ctx context.Context, r *baseservice.Recorder, n int) {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	share := (e.Events + e.Tellers - 1 - n) / e.Tellers
	for i := range share {
		for i%100 == 0 && int64(i*e.Tellers)-e.stored.Load() > ahead {
			if pause(ctx, 5*time.Millisecond) != nil {
				return
			}
		}
		client, task := random.IntN(e.Clients), random.IntN(e.Tasks)
		s := stories[random.IntN(len(stories))]
		execution := uuid.NewSHA1(uuid.Nil, strconv.AppendInt(nil, int64(client)<<32|int64(task), 10)).String()
		r.Tell(ctx, contract.Record{Kind: contract.RecordEvent, Client: ClientID(client), About: contract.About{Task: TaskID(task), Execution: execution},
			Event: &contract.Event{Service: s[0], Function: s[1], Event: s[2]}})
	}
}

// TaskID is the id of a task that events are of.
func TaskID(n int) string { return fmt.Sprintf("task-%05d", n) }

// stories are the events of a task at a client: service, function, text.
var stories = [][3]string{
	{contract.EventClientTasks, "request_task", "Started requesting task"},
	{contract.EventClientTasks, "request_task", "Finished requesting task"},
	{contract.EventClientTasks, "_run_task_one_policy", "Started downloading task"},
	{contract.EventClientTasks, "_run_task_one_policy", "Finished downloading task"},
	{contract.EventClientTasks, "start_client_task", "Started client task initialization"},
	{contract.EventClientTasks, "start_client_task", "Finish client task initialization"},
	{"task_client", "main", "Started client"},
	{"task_client", "main", "Finished client"},
}

// query asks for what an operator's console shows.
func (e *eventRun) query(ctx context.Context) error {
	for _, path := range []string{
		"/events?limit=100&order=newest", "/tasks/" + TaskID(0) + "/timeline?limit=100", "/events?limit=100&client=" + ClientID(0),
		"/events?limit=100&order=newest&q=downloading", "/events/density?by=client&buckets=200", "/tasks/" + TaskID(0) + "/metrics", "/overview",
	} {
		took := make([]int64, asksEach)
		for i := range took {
			began := time.Now()
			if err := e.get(ctx, path, nil); err != nil {
				return err
			}
			took[i] = time.Since(began).Microseconds()
		}
		e.report.Queries = append(e.report.Queries, Query{path, spread(took)})
	}
	return nil
}

// get asks the gateway's API.
func (e *eventRun) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.cloud.Gateway+"/api/v1"+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for %s: status %s: %.300q %v", path, resp.Status, text, err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}
