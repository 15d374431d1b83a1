package simulation

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	quarantineFor = 6 * time.Hour
	attempts      = 5
)

// client is a client's machine with what runs on it.
type client struct {
	id    int32
	name  string
	attrs map[string]any
	room  int

	power bool
	boot  uint32 // counts the machine's lives
	cut   int    // reasons why its network is away

	// The manager.
	manager    bool
	back       cause  // why it was away
	life       uint32 // counts its lives
	up         time.Duration
	control    *control.Client
	quarantine *control.Quarantine
	tick       time.Duration // the one that counts
	call       int64         // polls so far
	waiting    int64         // the one under way, 0: none
	asked      time.Duration
	answer     []contract.OfferedTask
	launches   []launch

	sending bool // its gateway
	disk    disk

	view // what is true of it
}

// disk is what a client finds again after a restart.
type disk struct {
	state      control.State
	quarantine []policy.Entry
	files      [maxTasks]int32 // by task: the version of the last download
	executions []int32
	outbox     []record
}

// launch is one that is under way.
type launch struct {
	n       int64
	task    int16
	again   bool
	offline bool
	failed  bool // it will not get the files
	version int32
	exec    int32
}

func (w *world) newClient(i int) *client {
	name := fmt.Sprintf("client-%05d", i)
	c := &client{id: int32(i), name: name, room: 1, power: true, life: 1, boot: 1}
	if w.chance(0.3) {
		c.room = 3
	}
	c.attrs = map[string]any{"ID": name, "user_id": name, "avg_acc_contrib": nil}
	w.describe(c)
	return c
}

// describe draws what a client tells of itself.
func (w *world) describe(c *client) {
	c.attrs["data_qnt"] = w.rng.Int64N(100)
	c.attrs["gpu"] = w.chance(0.3)
	c.attrs["sensors"] = [][]string{{"camera"}, {"camera", "ecu"}, {"lidar"}, {}}[w.rng.IntN(4)]
	w.fit(c)
}

func (w *world) atClient(c *client, e *event) {
	switch e.kind {
	case evPower:
		w.powered(c, e)
		return
	case evHeal:
		w.healed(c)
		return
	case evExit:
		w.exited(c, int32(e.arg>>4), ending(e.arg&15))
		return
	case evManagerUp:
		if c.power && !c.manager && e.life == c.life {
			w.startManager(c)
		}
		return
	case evDisk:
		w.fromDisk(c, e)
		return
	case evFree:
		w.free(c, e)
		return
	}
	if !c.manager || e.kind != evWake && e.life != c.life {
		return // what it was for is gone
	}
	switch e.kind {
	case evTick:
		if e.at == c.tick {
			c.tick = -1
			w.do(c, c.control.Tick(w.clock()))
		}
	case evWake:
		w.woken(c, e)
	case evRequest, evAnswer, evSilence:
		w.asking(c, e)
	case evFetched, evSpawned, evLaunched:
		w.launching(c, e)
	default:
		w.watching(c, e)
	}
}

// do carries out what the control says, and saves what it must find again before.
func (w *world) do(c *client, actions []control.Action) {
	if c.control.Unsaved() {
		c.disk.state = c.control.State()
	}
	for i := range actions {
		a := &actions[i]
		switch a.Kind {
		case control.Poll:
			w.poll(c)
		case control.Launch:
			w.launch(c, a)
		case control.Stop:
			w.stop(c, a)
		}
	}
	if at, ok := c.control.Next(); ok {
		if next := max(at.Sub(beginning), w.now); next != c.tick {
			c.tick = next
			w.push(next-w.now, event{kind: evTick, who: c.id, life: c.life})
		}
	}
}

// startManager takes over what an earlier one has left, as loop.adopt does.
func (w *world) startManager(c *client) {
	var state control.State
	var entries []policy.Entry
	again(c.disk.state, &state)
	again(c.disk.quarantine, &entries)
	c.manager, c.up, c.tick, c.waiting, c.launches = true, w.now, -1, 0, nil
	c.quarantine = control.NewQuarantine(w.clock(), quarantineFor, attempts, entries)
	var err error
	if c.control, err = control.NewClient(w.clock(), control.Options{
		Interval: w.opt.Interval, Room: c.room, Random: w.rng.Float64, Quarantine: c.quarantine,
	}, state); err != nil {
		panic(err) // the options are ours
	}
	for _, alive := range []bool{true, false} {
		for _, n := range c.disk.executions {
			if w.procs[n].alive == alive {
				w.adopt(c, n)
			}
		}
	}
	w.do(c, c.control.Tick(w.clock()))
	w.check(c, c.back)
	w.expectFromDisk(c)
}

func (w *world) adopt(c *client, n int32) {
	p := &w.procs[n]
	id := w.cloud.tasks[p.task].id
	if p.handled {
		result, reason := p.end.outcome()
		c.control.Recall(w.clock(), beginning.Add(p.ended), control.Outcome{Task: id, Result: result, Reason: reason, Held: p.held})
		w.tell(c, record{n, p.end})
		return
	}
	if !c.control.Adopt(id, w.names[n]) {
		return
	}
	p.watched = true
	w.tell(c, record{n, endNone})
	if p.alive {
		w.push(stallAfter, event{kind: evStall, who: c.id, life: c.life, arg: int64(n)})
	} else {
		w.push(w.between(time.Millisecond, 20*time.Millisecond), event{kind: evNoticed, who: c.id, life: c.life, arg: int64(n)})
	}
}

// again reads what was written, as it comes from a file.
func again[T any](from T, to *T) {
	b, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		panic(err) // it holds nothing that JSON lacks
	}
}

// kill ends a manager at any moment. What it watched runs on.
func (w *world) kill(c *client) {
	if !c.manager {
		return
	}
	w.down(c)
	c.back = causeManager
	w.push(w.between(time.Second, 30*time.Second), event{kind: evManagerUp, who: c.id, life: c.life})
}

func (w *world) down(c *client) {
	c.manager, c.control, c.quarantine, c.launches = false, nil, nil, nil
	c.life++
	for _, n := range c.disk.executions {
		w.procs[n].watched = false
	}
}

// maybeKill is between two steps of a manager.
func (w *world) maybeKill(c *client) bool {
	if w.calm() || !w.chance(w.opt.Faults.Cut) {
		return false
	}
	w.kill(c)
	w.truth.faults[causeManager]++
	return true
}
