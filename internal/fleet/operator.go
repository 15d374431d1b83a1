package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// operator calls functions by the cloud's gateway.
type operator struct {
	url, token string
	http       http.Client
}

func (o *operator) call(ctx context.Context, fn string, req any) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	body, err := json.Marshal(req)
	if err != nil {
		return err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url+"/"+fn, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if o.token != "" {
		post.Header.Set("Authorization", "Bearer "+o.token)
	}
	resp, err := o.http.Do(post)
	if err != nil {
		return fmt.Errorf("call %s: %w", fn, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("call %s: status %s: %.300q %v", fn, resp.Status, text, err)
	}
	return nil
}

// start makes a task and starts it.
func (r *run) start(ctx context.Context, id, criteria string) error {
	if err := r.create(ctx, id, criteria); err != nil {
		return err
	}
	return r.operator.call(ctx, contract.StartServerTask.Name, contract.StartTaskRequest{TaskID: id})
}

func (r *run) create(ctx context.Context, id, criteria string) error {
	if err := r.cloud.program(id); err != nil {
		return err
	}
	return r.operator.call(ctx, contract.CreateTask.Name, contract.CreateTaskRequest{
		TaskID: id, Host: "127.0.0.1", Port: 8080, Username: "user", Password: "123", FilesPaths: []string{"client.py"}, SelectionCriteria: criteria,
	})
}

// starts measures starts and stops: for one client, for one of a hundred, for all.
func (r *run) starts(ctx context.Context) error {
	for n := range r.Starts {
		for i, of := range []struct {
			criteria string
			fit      int
		}{{fmt.Sprintf("ID == %q", ClientID(7%r.Clients)), 1}, {"data_qnt == 7", (r.Clients + 92) / 100}, {"", r.Clients}} {
			if of.fit == 0 {
				continue // a fleet of a few has none
			}
			s, err := r.startOne(ctx, fmt.Sprintf("started-%d-%d", n, i), of.criteria, of.fit)
			if err != nil {
				return err
			}
			r.say("started for %d clients: p50 %.0f ms, p99 %.0f ms", s.Fit, s.Took.P50, s.Took.P99)
			r.report.Starts = append(r.report.Starts, s)
			if err := pause(ctx, min(r.Interval, 5*time.Second)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) startOne(ctx context.Context, id, criteria string, fit int) (s Start, err error) {
	s.Criteria, s.Fit = criteria, fit
	if err := r.create(ctx, id, criteria); err != nil {
		return s, err
	}
	began := time.Now()
	if err := r.operator.call(ctx, contract.StartServerTask.Name, contract.StartTaskRequest{TaskID: id}); err != nil {
		return s, err
	}
	s.Answered = round(time.Since(began).Seconds() * 1000)
	t, err := r.until(ctx, "started task "+id, fit, func(t *tally) int { return len(t.Launched[id]) })
	if err != nil {
		return s, err
	}
	took := t.Launched[id]
	for i := range took {
		took[i] -= began.UnixMicro()
	}
	s.Took = spread(took)
	began = time.Now()
	if err := r.operator.call(ctx, contract.StopServerTask.Name, contract.TaskIDRequest{TaskID: id}); err != nil {
		return s, err
	}
	_, err = r.until(ctx, "stopped task "+id, fit, func(t *tally) int { return t.Stopped[id] })
	s.StopTook = round(time.Since(began).Seconds() * 1000)
	return s, err
}

// until waits until so many clients did something.
func (r *run) until(ctx context.Context, what string, fit int, count func(*tally) int) (t tally, err error) {
	for end := time.Now().Add(spreadTime); ; {
		if t, err = r.ask(wordTell); err != nil {
			return t, err
		}
		if count(&t) >= fit {
			return t, nil
		}
		if time.Now().After(end) {
			return t, fmt.Errorf("%d of %d clients have %s after %s; the last failure: %s", count(&t), fit, what, spreadTime, t.Why)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return t, err
		}
	}
}
