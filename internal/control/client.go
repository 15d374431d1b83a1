package control

import (
	"errors"
	"time"

	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// absentPolls is how many polls in a row must lack a running task before the
	// client stops its side: one may fall into a restart of the server.
	absentPolls = 2
	// fresh is how long the choice of the next task waits for an answer of the cloud:
	// what has ended may be offered no more. A cloud that is silent holds nothing up
	// for longer.
	fresh = time.Second
	// wakePace is the least time between two polls that wakes lead to.
	wakePace = 50 * time.Millisecond
	// maxStretch bounds how many intervals long a client leaves a busy cloud alone.
	maxStretch = 6
	// OfflineFor is how old the last answer of the cloud may be for a client to
	// start a task by it from disk.
	OfflineFor = 7 * 24 * time.Hour
)

// Options of a [Client]. All are required.
type Options struct {
	Interval   time.Duration  // between two polls
	Room       int            // tasks at once
	Random     func() float64 // in [0, 1)
	Quarantine *Quarantine
}

// Client decides what runs on a client. Each method tells it of an event and
// returns what is to be done; the list is valid until the next call. It is not
// safe for concurrent use. A new one wants to be adopted what runs, then a Tick.
type Client struct {
	opt Options

	offered  []contract.OfferedTask
	asked    time.Time // when the poll began that they answered; zero: before a restart
	heard    time.Time // the cloud's last answer
	restored bool      // the offers are those of an earlier client: without passwords, perhaps out of date
	away     bool      // the last poll had no answer
	tasks    map[string]*task
	answers  int // so far
	busy     int // running and starting

	polling bool
	began   time.Time // when the last poll did
	repeat  bool      // an execution ended meanwhile: its answer is older than that
	news    bool      // the cloud told something meanwhile: so is it
	halts   []halt    // what somebody stopped meanwhile, which it may still name
	hold    time.Time // until when the choice waits for an answer; zero: it does not
	ends    bool      // it does so since an execution ended
	due     time.Time
	retry   time.Time // the next restart; zero: none
	wake    time.Time // when the wakes since the last poll lead to one; zero: there are none
	woken   time.Time // when the last one of these was
	later   time.Time // when a busy cloud wants to be asked again

	changed bool      // what a restart must find
	saved   time.Time // which answer's time is on disk
	actions []Action
}

// task is what a client remembers of one.
type task struct {
	execution string    // the one that runs
	server    string    // of its last launch: the execution of the task's server; "" if unknown
	asked     time.Time // and when the poll began that led to it; zero if unknown
	running   bool
	starting  bool
	stopping  bool
	halted    bool // somebody stopped it, and it was not offered since
	wanted    bool // it ran last, and nothing has said that it should not
	noFiles   bool // it cannot be started from disk
	offered   int  // the last answer that had it
	absent    int  // it runs: polls in a row without it

	settled  time.Time // it finished here: not again before, unless its server restarts
	checked  time.Time // it is held: when its files were last compared
	retryAt  time.Time
	restarts *policy.Tracker // failures so far
}

// NewClient checks the options, and goes on from what an earlier client has left:
// the zero State, if none has.
func NewClient(now time.Time, opt Options, s State) (*Client, error) {
	if opt.Interval <= 0 || opt.Room < 1 || opt.Random == nil || opt.Quarantine == nil {
		return nil, errors.New("control: a client needs an interval, room for a task, randomness and a quarantine")
	}
	c := &Client{opt: opt, tasks: map[string]*task{}}
	c.restore(now, s)
	return c, nil
}

func (c *Client) task(id string) *task {
	t := c.tasks[id]
	if t == nil {
		t = &task{}
		c.tasks[id] = t
	}
	return t
}

// Adopt tells of an execution that an earlier client has left. False: another one
// of that task is known, and this one is not taken.
func (c *Client) Adopt(id, execution string) bool {
	t := c.task(id)
	if t.running {
		return false
	}
	c.runs(t, execution)
	return true
}

// Recall tells of an execution that ended under an earlier client, at a time: that
// one may have been killed before its State told so.
func (c *Client) Recall(now, at time.Time, o Outcome) {
	t := c.task(o.Task)
	switch {
	case t.running:
	case o.Result == Finished:
		if until := at.Add(c.settle()); until.After(now) && until.After(t.settled) && !at.After(now) {
			t.settled, c.changed = until, true
		}
		c.want(t, false)
	case o.Result == Failed && o.Held && policy.ClassOf(o.Reason) != policy.Infrastructure:
		c.want(t, false)
	}
}

func (c *Client) runs(t *task, execution string) {
	t.execution, t.running, t.stopping, t.absent = execution, true, false, 0
	c.busy++
	c.want(t, true)
	if c.busy < c.opt.Room {
		return
	}
	for _, other := range c.tasks { // it took the place of what waits for another try
		if !other.running && !other.starting {
			c.want(other, false)
		}
	}
}

func (c *Client) want(t *task, wanted bool) {
	c.changed = c.changed || t.wanted != wanted
	t.wanted = wanted
}

// Launched tells that a launch has led to an execution.
func (c *Client) Launched(now time.Time, id, execution string) []Action {
	c.actions = c.actions[:0]
	t := c.task(id)
	c.launchEnded(t)
	c.runs(t, execution)
	if t.halted {
		c.want(t, false)
		c.stop(id, t, true)
	}
	c.choose(now)
	return c.actions
}

func (c *Client) launchEnded(t *task) {
	if t.starting {
		t.starting = false
		c.busy--
	}
}

// Ended tells that a launch led to nothing, or that an execution ended.
func (c *Client) Ended(now time.Time, o Outcome) []Action {
	c.actions = c.actions[:0]
	t := c.task(o.Task)
	switch {
	case o.Execution == "":
		c.launchEnded(t)
	case !t.running || t.execution != o.Execution:
		return c.actions // of an execution that is not ours
	default:
		t.running, t.stopping, t.execution = false, false, ""
		c.busy--
	}
	switch o.Result {
	case Kept, NotOnDisk:
		t.noFiles = o.Result == NotOnDisk
		if now.Sub(t.checked) >= c.opt.Interval {
			t.checked = now
		}
		c.choose(now)
		return c.actions
	case Finished:
		t.settled = now.Add(c.settle())
		t.restarts, c.changed = nil, true
		c.want(t, false)
	case Failed:
		if o.Held {
			t.checked, t.restarts = now, nil
			c.want(t, t.wanted && policy.ClassOf(o.Reason) == policy.Infrastructure) // that will pass
			break
		}
		c.again(now, t, o.Reason)
	case Stopped:
		c.want(t, false)
	}
	if !c.ends { // those that end meanwhile do not prolong it
		c.hold, c.ends = now.Add(fresh), true
	}
	if c.polling {
		c.repeat = true
	} else {
		c.poll(now, true)
	}
	return c.actions
}

// settle is how long a task that has finished is not run again although it is
// offered: its server has to notice.
func (c *Client) settle() time.Duration { return 3 * c.opt.Interval }

// again sets when a task that failed, but is not held, is tried again.
func (c *Client) again(now time.Time, t *task, reason policy.Reason) {
	if t.restarts == nil {
		t.restarts = policy.NewTracker(restarts(), c.opt.Random)
	}
	t.retryAt = t.restarts.Failed(now, reason).At
}

// RetryAt is when a task that has failed is tried again; zero if it has not.
func (c *Client) RetryAt(id string) time.Time {
	if t := c.tasks[id]; t != nil {
		return t.retryAt
	}
	return time.Time{}
}
