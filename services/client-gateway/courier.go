package clientgateway

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// pace is the least time between two reports, unless one is full: what happens
	// waits for at most this long.
	pace = 200 * time.Millisecond
	// A cloud that is away is tried again after awayFirst, doubling to awayMost; one
	// that takes no reports at all, since it knows of none, after absentFirst and so on.
	awayFirst, awayMost     = time.Second, 30 * time.Second
	absentFirst, absentMost = time.Minute, 10 * time.Minute
	// quiet is how long nothing may come at the stop before all is told; lastWords
	// bounds that.
	quiet, lastWords = 150 * time.Millisecond, time.Second
)

// courier takes what happens at the client, which services put on the broker, to
// the cloud's history, and what operators want of the client back. What the cloud
// did not take stays on the broker. A courier has nothing to do with the functions
// that the gateway serves: whatever becomes of it, they go on.
type courier struct {
	cloud     *cloud
	path      string
	transport rpc.Transport
	commands  *commands
	records   bool // there are any on the broker
	interval  time.Duration
	log       *slog.Logger
	told      *prometheus.CounterVec

	in       chan delivery
	stopping chan struct{} // closed by the service: tell what is there, and end
	back     chan struct{} // has room for one: the cloud answered a call

	// What follows belongs to loop.
	last    time.Time // when the last report was sent
	trouble trouble
	todo    []contract.Command
	revoked revocations
}

// delivery is a batch of the broker; result has room for its outcome.
type delivery struct {
	bodies [][]byte
	result chan error
}

// trouble is what is wrong with the cloud, said once in the log.
type trouble string

const (
	none   trouble = ""
	away   trouble = "the cloud gateway cannot be reached, or answers with an error"
	absent trouble = "the cloud gateway takes no reports of clients, as an older one does"
)

// run carries until ctx ends, or until stopping is closed and all is told.
func (c *courier) run(ctx context.Context) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if !c.records {
			return
		}
		err := c.transport.SubscribeBatch(ctx, contract.RecordsQueue, func(bodies [][]byte) error { return c.hand(ctx, bodies) })
		if err != nil {
			c.log.Error("what happens at this client is not told to the cloud", "err", err)
		}
	}()
	c.loop(ctx)
	end()
	<-ended
}

// hand gives a batch to the loop and waits for its outcome.
func (c *courier) hand(ctx context.Context, bodies [][]byte) error {
	d := delivery{bodies, make(chan error, 1)}
	select {
	case c.in <- d:
		return <-d.result
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loop sends reports: when there is something to tell, and once an interval.
func (c *courier) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	stopping := c.stopping
	var silence <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-silence:
			return
		case <-stopping:
			stopping = nil
		case d := <-c.in:
			if len(d.bodies) < maxRecords {
				c.wait(ctx, pace-time.Since(c.last))
			}
			d.result <- c.deliver(ctx, d.bodies)
			silence = nil
		case <-timer.C:
			c.wait(ctx, pace-time.Since(c.last))
			_ = c.send(ctx, nil) // an error means the stop
		case <-c.commands.news:
		}
		c.commands.obey(ctx, c.todo)
		c.todo = nil
		more := c.takeIn(ctx)
		next := c.interval
		if len(c.commands.results()) > 0 || more {
			next = 0
		}
		timer.Reset(next)
		if stopping == nil && silence == nil {
			silence = time.After(quiet)
		}
	}
}

// wait waits, unless it is time to end; then it says false.
func (c *courier) wait(ctx context.Context, d time.Duration) bool { return c.waitFor(ctx, d, nil) }

// waitFor waits for no longer than until a signal.
func (c *courier) waitFor(ctx context.Context, d time.Duration, signal <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-signal:
		return true
	case <-c.stopping:
	case <-ctx.Done():
	}
	return false
}

// waitOut waits before a report is tried again. A call that the cloud answered
// meanwhile, on its way through this gateway, tells that it is there: then the
// rest of the wait is for nothing. One that takes no reports is not asked sooner.
func (c *courier) waitOut(ctx context.Context, d time.Duration) bool {
	if c.trouble == absent {
		return c.wait(ctx, d)
	}
	select {
	case <-c.back: // from before the failure
	default:
	}
	first := min(d, awayFirst/2)
	return c.wait(ctx, first) && c.waitFor(ctx, d-first, c.back)
}

// heard notes that the cloud answered a call.
func (c *courier) heard() {
	select {
	case c.back <- struct{}{}:
	default:
	}
}

// deliver sends the messages of the broker, as many at once as a report holds.
func (c *courier) deliver(ctx context.Context, bodies [][]byte) error {
	records := c.sound(bodies)
	for len(records) > 0 {
		n := fitting(records)
		if err := c.send(ctx, records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// send sends one report until the cloud took it: these records or, without any,
// what became of commands. An error means that it is time to end.
func (c *courier) send(ctx context.Context, records [][]byte) error {
	var done []contract.CommandResult
	if len(records) == 0 {
		done = c.commands.results()
	}
	for try := 0; ; try++ {
		err := c.post(ctx, records, done)
		if isRefusal(err) && len(records)+len(done) > 0 {
			// It is refused for what it holds only if an empty one is welcome.
			why := err
			if err = c.post(ctx, nil, nil); err == nil {
				return c.divide(ctx, records, done, why)
			}
		}
		if err == nil {
			c.commands.told(done)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !c.waitOut(ctx, c.pause(err, try)) {
			return fmt.Errorf("stopped before the cloud took it: %w", err)
		}
	}
}

// divide tells what can be told of a report that the cloud refuses for what it
// holds, and gives up the rest: it would stand in the way of all that follows.
func (c *courier) divide(ctx context.Context, records [][]byte, done []contract.CommandResult, why error) error {
	switch len(records) {
	case 0:
		c.log.Warn("the cloud refuses the outcome of commands; it is not told", "commands", len(done), "err", why)
		c.commands.told(done)
		return nil
	case 1:
		c.log.Warn("the cloud refuses a record of what happened here; it is given up", "record", fmt.Sprintf("%.300s", records[0]), "err", why)
		c.told.WithLabelValues("refused").Inc()
		return nil
	}
	half := len(records) / 2
	if err := c.send(ctx, records[:half]); err != nil {
		return err
	}
	return c.send(ctx, records[half:])
}

// pause is how long to wait after a failure, and says in the log what is wrong.
// The jitter is the whole upper half, so that a fleet does not come back at once.
func (c *courier) pause(err error, try int) time.Duration {
	now, first, most := away, awayFirst, awayMost
	if isRefusal(err) {
		now, first, most = absent, absentFirst, absentMost
	}
	if c.trouble != now {
		c.log.Warn(string(now)+"; what happens here waits on the broker", "url", c.cloud.url, "err", err)
		c.trouble = now
	}
	d := min(first<<min(try, 16), most)
	return d/2 + rand.N(d/2)
}

// took notes that the cloud took a report.
func (c *courier) took(records int) {
	if c.trouble != none {
		c.log.Info("the cloud gateway takes reports again", "url", c.cloud.url)
		c.trouble = none
	}
	c.told.WithLabelValues("taken").Add(float64(records))
}

func newTold(reg prometheus.Registerer) *prometheus.CounterVec {
	told := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "agata_client_records_total",
		Help: "Records of what happened at the client, by whether the cloud took them."}, []string{"outcome"})
	if reg != nil {
		reg.MustRegister(told)
	}
	return told
}
