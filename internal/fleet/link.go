package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/agata-fl/agata/internal/sse"
	"github.com/agata-fl/agata/pkg/contract"
)

// A downlink that breaks is opened again after a random part of firstPause, or of
// what the cloud asks for, doubling to mostPause, as the client's gateway does.
const firstPause, mostPause = 200 * time.Millisecond, 30 * time.Second

// mostBeat is the longest time between two heartbeats that is asked for.
const mostBeat = 15 * time.Second

// link holds the downlink until ctx ends.
func (m *member) link(ctx context.Context) {
	first, last := firstPause, ""
	for try := 0; ; try++ {
		opened, err := m.follow(ctx, &first, &last)
		if ctx.Err() != nil {
			return
		}
		if opened {
			try = 0
		}
		m.crowd.note(func(t *tally) { t.Breaks++; t.Why = err.Error() })
		select {
		case <-time.After(rand.N(min(first<<min(try, 16), mostPause))):
		case <-ctx.Done():
			return
		}
	}
}

// follow opens the downlink once and reads it to its end, which is an error.
func (m *member) follow(ctx context.Context, first *time.Duration, last *string) (opened bool, err error) {
	beat := max(time.Second, min(m.crowd.spec.Interval, mostBeat)).Truncate(time.Second)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(3*beat, func() { cancel(errors.New("not even a heartbeat came any more")) })
	defer silence.Stop()
	select {
	case m.crowd.turn <- struct{}{}:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	resp, err := m.open(ctx, beat, *last)
	<-m.crowd.turn
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	m.crowd.note(func(t *tally) { t.Linked++ })
	defer m.crowd.note(func(t *tally) { t.Linked-- })
	err = sse.Read(sse.Lively(resp.Body, func() { silence.Reset(3 * beat) }),
		func(wait time.Duration) { *first = max(firstPause, min(wait, mostPause)) },
		func(msg sse.Message) error { *last = msg.ID; return m.take(msg) })
	return true, err
}

func (m *member) open(ctx context.Context, beat time.Duration, last string) (*http.Response, error) {
	req, err := m.request(ctx, http.MethodGet, m.path+"/downlink?heartbeat="+strconv.Itoa(int(beat/time.Second)), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := m.crowd.links.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.Join(fmt.Errorf("open the downlink: status %s", resp.Status), resp.Body.Close())
	}
	return resp, err
}

// take takes one message in.
func (m *member) take(msg sse.Message) error {
	var cmd contract.Command
	if msg.Data == nil || msg.Event != "command" || json.Unmarshal(msg.Data, &cmd) != nil || cmd.Kind != contract.CommandWake {
		return nil
	}
	select {
	case m.wakes <- cmd:
	default: // a wake may be lost
	}
	return nil
}
