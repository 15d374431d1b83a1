package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// pace is the least time between two reports, as the client's gateway has it.
	pace = 200 * time.Millisecond
	// doubtful is how long after it was told a silent cloud is taken to know a client.
	doubtful = time.Minute
	// most records wait for a report, and as many wakes for the client; more are lost.
	mostWaiting = 64
)

// member is a client of the fleet.
type member struct {
	crowd   *crowd
	id      string
	path    string // of all that concerns it
	token   string // "": the cloud is open
	dataQnt int64
	asks    *http.Client

	// Of loop.
	control *control.Client
	running map[string]string // the execution of each task
	told    time.Time         // since when the cloud has its attributes; zero: it may not
	asked   bool

	wakes   chan contract.Command
	answers chan answer
	records chan contract.Record
	work    sync.WaitGroup // the poll that is under way
}

// answer ends a poll.
type answer struct {
	offered []contract.OfferedTask
	later   time.Duration // when a busy cloud wants to be asked again; 0: it did not say
	err     error
}

func newMember(c *crowd, i int) (*member, error) {
	decides, err := newControl(c.spec.Interval)
	if err != nil {
		return nil, err
	}
	n := c.spec.First + i
	m := &member{
		crowd: c, id: ClientID(n), dataQnt: int64(n % 100), asks: &c.asks, control: decides, running: map[string]string{},
		wakes: make(chan contract.Command, mostWaiting), answers: make(chan answer, 1), records: make(chan contract.Record, mostWaiting),
	}
	m.path = "/api/v1/clients/" + url.PathEscape(m.id)
	if i < len(c.spec.Credentials) {
		m.token = c.spec.Credentials[i]
	}
	if c.spec.Own {
		m.asks = &http.Client{Transport: transport(2)}
	}
	return m, nil
}

// ClientID is the id of a client of the fleet.
func ClientID(n int) string { return fmt.Sprintf("fleet-%05d", n) }

// run is the client's life. It begins at a random moment of the ramp.
func (m *member) run(ctx context.Context) {
	select {
	case <-time.After(rand.N(m.crowd.spec.Ramp)):
	case <-ctx.Done():
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { m.link(ctx) })
	wg.Go(func() { m.report(ctx) })
	m.loop(ctx)
}

// loop carries out what control.Client decides, as the client's task manager does.
func (m *member) loop(ctx context.Context) {
	defer m.work.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var actions []control.Action
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			actions = m.control.Tick(time.Now())
		case a := <-m.answers:
			actions = m.answered(a)
		case cmd := <-m.wakes:
			actions = m.woken(cmd)
		}
		m.do(ctx, actions)
		if at, ok := m.control.Next(); ok {
			timer.Reset(time.Until(at))
		} else {
			timer.Stop()
		}
	}
}

// do carries out actions, and those that these lead to.
func (m *member) do(ctx context.Context, actions []control.Action) {
	todo := append([]control.Action(nil), actions...) // the next call of control reuses them
	for len(todo) > 0 {
		a := todo[0]
		todo = todo[1:]
		switch a.Kind {
		case control.Poll:
			m.work.Go(func() { m.answers <- m.poll(ctx) }) // there is one at a time
		case control.Launch:
			todo = append(todo, m.launch(a.Task.ID)...)
		case control.Stop:
			todo = append(todo, m.stop(a.TaskID)...)
		}
	}
}

func (m *member) launch(task string) []control.Action {
	now, execution := time.Now(), uuid.NewString()
	m.running[task] = execution
	m.crowd.note(func(t *tally) { t.Launched[task] = append(t.Launched[task], now.UnixMicro()) })
	m.tell(task, execution, contract.ExecutionRun{Side: contract.SideClient, State: contract.StateRunning, PID: 1, Started: unix(now)})
	return m.control.Launched(now, task, execution)
}

func (m *member) stop(task string) []control.Action {
	now, execution := time.Now(), m.running[task]
	delete(m.running, task)
	m.crowd.note(func(t *tally) { t.Stopped[task]++ })
	m.tell(task, execution, contract.ExecutionRun{
		Side: contract.SideClient, State: contract.StateStopped, PID: 1, Started: unix(now), Ended: unix(now), Reason: contract.ReasonOperatorStop,
	})
	return m.control.Ended(now, control.Outcome{Task: task, Execution: execution, Result: control.Stopped})
}

// tell puts what happened, and how the client stands then, among what is to be reported.
func (m *member) tell(task, execution string, run contract.ExecutionRun) {
	now := unix(time.Now())
	state := &contract.ClientState{UserID: m.id, Policy: "all", Running: []contract.Execution{}, Quarantined: []contract.QuarantinedFor{}}
	for id, execution := range m.running {
		state.Running = append(state.Running, contract.Execution{TaskID: id, ExecutionID: execution, PID: 1, State: contract.StateRunning})
	}
	for _, r := range []contract.Record{
		{Kind: contract.RecordExecution, About: contract.About{Task: task, Execution: execution}, Run: &run},
		{Kind: contract.RecordClient, State: state},
	} {
		r.ID, r.Time = uuid.Must(uuid.NewV7()).String(), now
		select {
		case m.records <- r:
		default:
		}
	}
}

func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func (m *member) answered(a answer) []control.Action {
	now := time.Now()
	if a.later > 0 {
		m.control.Busy(now, now.Add(a.later))
	}
	if a.err != nil {
		if time.Since(m.told) > doubtful {
			m.told = time.Time{}
		}
		return m.control.Unreachable(now)
	}
	if !m.asked {
		m.asked = true
		m.crowd.note(func(t *tally) { t.Asked++ })
	}
	return m.control.Offered(now, a.offered)
}

// woken passes on what the cloud told, as the client's task manager does.
func (m *member) woken(cmd contract.Command) []control.Action {
	if cmd.Change == contract.ChangeStopped {
		return m.control.Halted(cmd.Task, cmd.Execution, cmd.At(time.Now()))
	}
	m.control.Changed(cmd.Task)
	return m.control.Woken(time.Now())
}

// poll tells the cloud what the client has, if it may not know it, and asks for tasks.
func (m *member) poll(ctx context.Context) (a answer) {
	if m.told.IsZero() {
		body := fmt.Appendf(nil, `{"user_id":%q,"data_qnt":%d,"sensors":["camera","ecu"]}`, m.id, m.dataQnt)
		if _, _, a.err = m.post(ctx, "/"+contract.UpdateUser.Name, body); a.err != nil {
			return a
		}
		m.told = time.Now()
	}
	began := time.Now()
	text, header, err := m.post(ctx, "/"+contract.RequestTasks.Name, fmt.Appendf(nil, `{"user_id":%q}`, m.id))
	took := time.Since(began)
	if err == nil {
		err = json.Unmarshal(text, &a.offered)
	}
	if err != nil {
		a.err = err
		return a
	}
	if after, err := strconv.ParseFloat(header.Get(contract.RetryHeader), 64); err == nil {
		a.later = time.Duration(after * float64(time.Second))
	}
	m.crowd.note(func(t *tally) { t.Asks = append(t.Asks, took.Microseconds()) })
	return a
}

// report tells the cloud once an interval, and soon when there is something to
// tell, as the client's gateway does.
func (m *member) report(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time
	for {
		body := contract.ClientReport{Records: []contract.Record{}}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case r := <-m.records:
			body.Records = append(body.Records, r)
		}
		select {
		case <-time.After(pace - time.Since(last)):
		case <-ctx.Done():
			return
		}
		for range len(m.records) {
			body.Records = append(body.Records, <-m.records)
		}
		b, err := json.Marshal(body)
		if err != nil { // cannot be: texts and numbers
			panic(err)
		}
		last = time.Now()
		if _, _, err := m.post(ctx, m.path+"/records", b); err == nil {
			m.crowd.note(func(t *tally) { t.Reports++ })
		}
		timer.Reset(m.crowd.spec.Interval)
	}
}

// post sends a body and returns the answer's, which must be of status 200.
func (m *member) post(ctx context.Context, path string, body []byte) (text []byte, header http.Header, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			m.crowd.note(func(t *tally) { t.Failed++; t.Why = err.Error() })
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	req, err := m.request(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Traceparent", rpc.NewTrace())
	req.Header["Idempotency-Key"] = []string{} // as the client's gateway: it may be repeated
	resp, err := m.asks.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		return nil, nil, fmt.Errorf("read the answer of %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s: status %s: %.200q", path, resp.Status, text)
	}
	return text, resp.Header, nil
}

func (m *member) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, m.crowd.spec.URL+path, body)
	if err == nil && m.token != "" {
		req.Header.Set("Authorization", "Bearer "+m.token)
	}
	return req, err
}
