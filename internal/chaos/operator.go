package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/pkg/contract"
)

// wanted is a task as the operator wants it, by the actions that took effect.
type wanted struct {
	id, criteria string

	turn  sync.Mutex // of actions, and of kills of its server
	mu    sync.Mutex
	state string // "", new, running, stopped, failed
	busy  int    // actions that have not taken effect for certain
	// What executions there may be for: starts of the server, and kills of its
	// processes at each client.
	starts int
	kills  map[string]int
}

func (w *wanted) set(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
}

// now tells how the task is to be; false: an action is under way.
func (w *wanted) now() (state string, settled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state, w.busy == 0
}

func (w *wanted) begin(by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy += by
}

// isFor tells whether the task is for a client.
func (w *wanted) isFor(client string) bool { return w.criteria == "" || client == clients[0] }

// actionTime is how long an action may take at least to be carried out, whatever
// is broken meanwhile; a campaign with more patience has it here as well.
const actionTime = 30 * time.Second

// act carries out an operator's action until it has taken effect for certain: an
// answer that is lost is asked for again, with the same key.
func (s *System) act(ctx context.Context, w *wanted, step Step) error {
	w.begin(1)
	defer w.begin(-1)
	w.turn.Lock()
	defer w.turn.Unlock()
	state, _ := w.now()
	switch {
	case step.Do == Create && state != "", step.Do != Create && state == "",
		step.Do == Start && state == "running", step.Do == Stop && state != "running":
		return nil // there is nothing to do: a fault or another action came first
	}
	within := max(actionTime, s.opt.Bound)
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("the operator could not %s task %s within %s", step.Do, w.id, within))
	defer cancel()
	if step.Do == Start {
		w.mu.Lock()
		w.starts++
		w.mu.Unlock()
	}
	send, began := s.request(w, step), time.Now()
	for try := 0; ; try++ {
		err := send(ctx)
		if s.early(w, step, err, began) {
			send = s.request(w, step) // a new wish: the refusal of the old one is remembered
			continue
		}
		done, sure := s.effect(ctx, w, step, err, try)
		if done {
			break
		}
		if sure && err != nil {
			return fmt.Errorf("the operator's %s of task %s was refused: %w", step.Do, w.id, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(150 * time.Millisecond):
		}
	}
	switch step.Do {
	case Create:
		w.set("new")
		return writeProgram(filepath.Join(s.cloudWork(), "tasks", "task_"+w.id), map[string]string{"server.py": program, "client.py": program})
	case Start:
		w.set("running")
	case Stop:
		w.set("stopped")
	}
	return nil
}

// effect tells whether an action took effect, and whether its failure is for good.
// After a first try that may have been carried out, a refusal can mean just that.
func (s *System) effect(ctx context.Context, w *wanted, step Step, err error, try int) (done, sure bool) {
	if err == nil {
		return true, true
	}
	r, answered := errors.AsType[*refused](err)
	if !answered || r.unsure() {
		return false, false
	}
	if try == 0 {
		return false, true
	}
	var t struct {
		State string `json:"state"`
	}
	gone := s.get(ctx, "/tasks/"+w.id, &t)
	if g, ok := errors.AsType[*refused](gone); gone != nil && (!ok || g.status != http.StatusNotFound) {
		return false, false
	}
	switch step.Do {
	case Create:
		done = gone == nil
	case Start:
		done = t.State == "running"
	case Stop:
		done = t.State != "running"
	}
	return done, true
}

// early tells that a start was refused since the task's last server has just died,
// and that was not noticed yet.
func (s *System) early(w *wanted, step Step, err error, began time.Time) bool {
	r, answered := errors.AsType[*refused](err)
	if step.Do != Start || !answered || r.unsure() || time.Since(began) > ghostGrace {
		return false
	}
	s.scan.settle()
	live, _ := s.scan.Of(s.dir)
	return !slices.ContainsFunc(live, func(l Live) bool { return l.Task == w.id && l.Work == s.cloudWork() })
}

// unsure tells that the answer says nothing about the effect.
func (r *refused) unsure() bool {
	switch r.status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusTooEarly:
		return true
	}
	return false
}

// request is how an action is sent: by the API or, where its call is to come
// twice, by a call whose message id the harness chooses.
func (s *System) request(w *wanted, step Step) func(context.Context) error {
	key := uuid.NewString()
	create := contract.CreateTaskRequest{TaskID: w.id, Host: "127.0.0.1", Port: 1, Username: "u", Password: "p",
		FilesPaths: []string{"client.py"}, SelectionCriteria: w.criteria}
	if step.Twice {
		fn, arguments := contract.CreateTask.Name, any(create)
		switch step.Do {
		case Start:
			fn, arguments = contract.StartServerTask.Name, contract.StartTaskRequest{TaskID: w.id}
		case Stop:
			fn, arguments = contract.StopServerTask.Name, contract.TaskIDRequest{TaskID: w.id}
		}
		var again sync.Once
		return func(ctx context.Context) error {
			again.Do(func() { s.again(ctx, time.Duration(step.Delay), fn, key, arguments) })
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			_, err := s.calls[cloudBroker].call(ctx, fn, key, arguments)
			return err
		}
	}
	return func(ctx context.Context) error {
		switch step.Do {
		case Create:
			return s.send(ctx, http.MethodPost, "/tasks", key, create, nil)
		case Update:
			return s.send(ctx, http.MethodPatch, "/tasks/"+w.id, "", map[string]string{"client_arguments": "v" + key}, nil)
		default:
			return s.send(ctx, http.MethodPost, "/tasks/"+w.id+"/"+step.Do, key, struct{}{}, nil)
		}
	}
}

// again delivers a call a second time, whatever became of the first.
func (s *System) again(ctx context.Context, after time.Duration, fn, messageID string, arguments any) {
	ctx = context.WithoutCancel(ctx) // the action may be over
	s.repeats.Go(func() {
		time.Sleep(after)
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, _ = s.second.call(ctx, fn, messageID, arguments) // its effect is what matters
	})
}

// send asks the API once.
func (s *System) send(ctx context.Context, method, path, key string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(b)
	}
	addr := s.address("cloud-gateway")
	if addr == "" {
		return errors.New("the gateway has not said where it is")
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+"/api/v1"+path, content)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if method == http.MethodPatch {
		req.Header.Set("If-Match", "*")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return &refused{resp.StatusCode, string(text)}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

func (s *System) get(ctx context.Context, path string, answer any) error {
	return s.send(ctx, http.MethodGet, path, "", nil, answer)
}

// status asks a client's task manager what it does.
func (s *System) status(ctx context.Context, client string) (state contract.ClientState, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	value, err := s.calls[client+"-broker"].call(ctx, contract.ClientStatus.Name, uuid.NewString(), struct{}{})
	if err == nil {
		err = json.Unmarshal(value, &state)
	}
	return state, err
}

// cloudWork is the work folder of the cloud, and clientWork that of a client.
func (s *System) cloudWork() string { return filepath.Join(s.dir, "cloud-task-manager", "cloud") }

func (s *System) clientWork(client string) string {
	return filepath.Join(s.dir, client+"-manager", "client")
}
