package clientgateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/sse"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// A downlink that breaks is opened again after a random part of linkFirst, or of
	// what the cloud asked for, doubling to linkMost.
	linkFirst, linkMost = 200 * time.Millisecond, 30 * time.Second
	// steady is how long a link lasts that the next break finds in order.
	steady = 10 * time.Second
	// missedBeats without a word mean that the link is dead, whatever TCP says.
	missedBeats = 3
	// mostBeat is the longest time between two heartbeats that is asked for.
	mostBeat = 15 * time.Second
	// maxWakes bounds the wakes that wait for the client's broker; more are lost.
	maxWakes = 256
)

// What may be wrong with the link.
const (
	linkAway   trouble = "the cloud's downlink is not to be had"
	linkAbsent trouble = "the cloud gateway has no downlink, as an older one"
)

var (
	errSilent   = errors.New("nothing came any more, not even a heartbeat")
	errReplaced = errors.New("the client has another link: is there a second gateway with its user id?")
)

// downlink holds the stream by which the cloud tells at once what it wants of the
// client. What it brings is passed on beside the reading of it, the wakes apart
// from what takes longer.
type downlink struct {
	cloud    *cloud
	url      string
	beat     time.Duration
	commands *commands
	log      *slog.Logger

	wakes  chan contract.WakeRequest
	orders chan contract.Command

	// What follows belongs to loop.
	last    string        // the id of the last message
	first   time.Duration // the first pause
	trouble trouble
}

func newDownlink(c *cloud, userID string, interval time.Duration, commands *commands, log *slog.Logger) *downlink {
	beat := max(time.Second, min(interval, mostBeat)).Truncate(time.Second)
	return &downlink{
		cloud: c, url: c.url + clientPath(userID) + "/downlink?heartbeat=" + strconv.Itoa(int(beat/time.Second)), beat: beat,
		commands: commands, log: log, first: linkFirst,
		wakes: make(chan contract.WakeRequest, maxWakes), orders: make(chan contract.Command, maxCommands),
	}
}

// run holds the link until ctx ends.
func (d *downlink) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { each(ctx, d.wakes, d.commands.wake) })
	wg.Go(func() {
		each(ctx, d.orders, func(ctx context.Context, cmd contract.Command) { d.commands.obey(ctx, []contract.Command{cmd}) })
	})
	d.loop(ctx)
}

// each hands on what comes, one after the other, until ctx ends.
func each[T any](ctx context.Context, list <-chan T, do func(context.Context, T)) {
	for {
		select {
		case v := <-list:
			do(ctx, v)
		case <-ctx.Done():
			return
		}
	}
}

// loop opens the stream, again and again.
func (d *downlink) loop(ctx context.Context) {
	for try := 0; ; try++ {
		began := time.Now()
		err := d.read(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > steady {
			try = 0
		}
		timer := time.NewTimer(d.pause(err, try))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// pause is how long to wait after a break, and says in the log what is wrong. The
// jitter is full, so that of a fleet whose cloud comes back as many come at any
// moment; a break of a link that was in order is nothing to tell.
func (d *downlink) pause(err error, try int) time.Duration {
	now := linkAway
	if isRefusal(err) {
		now = linkAbsent
	}
	if d.trouble != now && (try > 0 || now == linkAbsent) {
		d.log.Warn(string(now)+"; commands come with the answers to reports meanwhile", "url", d.url, "err", err)
		d.trouble = now
	}
	if now == linkAbsent {
		wait := min(absentFirst<<min(try, 16), absentMost)
		return wait/2 + rand.N(wait/2)
	}
	return rand.N(min(d.first<<min(try, 16), linkMost)) + time.Millisecond
}

// read opens the stream once and reads it to its end, which is an error.
func (d *downlink) read(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := missedBeats * d.beat
	watch := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watch.Stop()
	err := d.follow(ctx, func() { watch.Reset(silence) })
	if errors.Is(context.Cause(ctx), errSilent) {
		// What else goes over connections as old as this one had better not wait.
		d.cloud.client.CloseIdleConnections()
		return errSilent
	}
	return err
}

func (d *downlink) follow(ctx context.Context, alive func()) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return fmt.Errorf("open the downlink: %w", err)
	}
	req.Header.Set("Accept", "text/event-stream")
	if d.last != "" {
		req.Header.Set("Last-Event-ID", d.last)
	}
	resp, err := d.cloud.client.Do(req)
	if err != nil {
		return fmt.Errorf("open the downlink: %w", err)
	}
	defer resp.Body.Close()
	switch kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); {
	case resp.StatusCode == http.StatusOK && kind == "text/event-stream":
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusBadRequest, resp.StatusCode == http.StatusNotFound,
		resp.StatusCode == http.StatusMethodNotAllowed, resp.StatusCode == http.StatusNotImplemented:
		return &refusal{status: resp.Status}
	default:
		return fmt.Errorf("open the downlink: status %s", resp.Status)
	}
	if d.trouble != none {
		d.log.Info("the cloud gateway's downlink is open again", "url", d.url)
		d.trouble = none
	}
	body := sse.Lively(resp.Body, alive)
	retry := func(wait time.Duration) { d.first = max(linkFirst, min(wait, linkMost)) }
	return fmt.Errorf("the downlink broke off: %w", sse.Read(body, retry, d.take))
}

// take takes one message in.
func (d *downlink) take(m sse.Message) error {
	d.last = m.ID
	switch {
	case m.Data == nil:
		return nil
	case m.Event == "replaced":
		return errReplaced
	case m.Event != "command": // of a newer cloud
		return nil
	}
	var cmd contract.Command
	if err := json.Unmarshal(m.Data, &cmd); err != nil || cmd.Kind == "" {
		d.log.Warn("a command of the cloud cannot be read", "command", fmt.Sprintf("%.200q", m.Data), "err", err)
		return nil
	}
	// A wake may be lost, and a command comes with the next report's answer.
	if cmd.Kind == contract.CommandWake {
		offer(d.wakes, wakeOf(cmd, time.Now()))
	} else {
		offer(d.orders, cmd)
	}
	return nil
}

// offer puts a value where there is room for it.
func offer[T any](list chan<- T, v T) {
	select {
	case list <- v:
	default:
	}
}
