package simulation

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each thing that must not be is seen when it is.
func TestTheTruthIsSeen(t *testing.T) {
	// scene is a client that runs task 0 and has nothing to complain of.
	scene := func() (*world, *client) {
		w := &world{opt: small(1), rng: rand.New(rand.NewPCG(1, 1)), trace: newTrace()}
		w.cloud.up = true
		w.cloud.tasks = []task{{id: "t0", version: 1, running: true, alive: true, server: 1}, {id: "t1", version: 1}}
		c := &client{name: "c", room: 2, power: true, manager: true, life: 1}
		c.fits = 3
		w.clients = []*client{c}
		w.now = 2 * time.Hour
		w.procs = []process{{task: 0, version: 1, server: 1, alive: true, watched: true}}
		w.truth.told = []uint8{toldRunning}
		c.disk.executions = []int32{0}
		return w, c
	}
	start := func(w *world, c *client, p process) {
		p.alive = true
		w.procs = append(w.procs, p)
		w.truth.told = append(w.truth.told, toldRunning)
		c.disk.executions = append(c.disk.executions, int32(len(w.procs)-1))
		w.begins(c, int32(len(w.procs)-1))
	}
	for want, spoil := range map[string]func(*world, *client){
		"": func(w *world, c *client) {
			start(w, c, process{task: 1, version: 1, watched: true})
			w.cloud.tasks[1].running, w.cloud.tasks[1].alive = true, true
		},
		"two copies":     func(w *world, c *client) { start(w, c, process{task: 0, version: 1, watched: true}) },
		"has room for 1": func(w *world, c *client) { c.room = 1; start(w, c, process{task: 1, version: 1, watched: true}) },
		"which is set aside": func(w *world, c *client) {
			w.ends(c, 0, endSignal)
			w.now += time.Hour
			start(w, c, process{version: 1, watched: true})
		},
		"which has finished": func(w *world, c *client) {
			w.ends(c, 0, endFinished)
			w.now += time.Minute
			start(w, c, process{version: 1, watched: true})
		},
		"at once":                   func(w *world, c *client) { w.ends(c, 0, endTemporary); start(w, c, process{version: 1, watched: true}) },
		"its manager does not know": func(w *world, c *client) { w.procs[0].watched = false },
		"which has ended":           func(w *world, c *client) { w.ends(c, 0, endFinished); w.procs[0].watched = true },
		"has no process":            func(w *world, c *client) { w.cloud.tasks[0].alive = false },
		"what it should do":         func(w *world, c *client) { w.cloud.tasks[0].running = false; w.check(c, causeStop) },
		"start t0 from disk": func(w *world, c *client) {
			c.cut, c.up, c.ran, c.disk.executions = 1, time.Hour, []int32{0}, nil
			w.fromDisk(c, &event{life: 1})
		},
		"waits for the cloud": func(w *world, c *client) {
			w.cloud.tasks[1].running, w.cloud.tasks[1].alive, c.heard = true, true, 2
			w.free(c, &event{life: 1})
		},
		"is not offered":           func(w *world, c *client) { c.heard = 2; w.allowed(c, 0) },
		"that nobody sends":        func(w *world, c *client) { c.disk.outbox = []record{{}} },
		"has ended, which runs":    func(w *world, c *client) { w.store([]record{{0, endSignal}}) },
		"ended twice":              func(w *world, c *client) { w.store([]record{{0, endSignal}, {0, endFinished}}) },
		"of how execution 0 ended": func(w *world, c *client) { w.ends(c, 0, endFinished) },
		"never told that execution 0 ran": func(w *world, c *client) {
			w.ends(c, 0, endFinished)
			w.truth.told[0] = uint8(endFinished) << 1
		},
	} {
		t.Run(want, func(t *testing.T) {
			w, c := scene()
			w.begins(c, 0)
			spoil(w, c)
			w.now += time.Hour
			w.everyMinute()
			w.settleAccounts()
			if want == "" && len(w.truth.violations) > 0 {
				t.Errorf("seen: %q", w.truth.violations)
			}
			if want != "" && !slices.ContainsFunc(w.truth.violations, func(v string) bool { return strings.Contains(v, want) }) {
				t.Errorf("seen: %q", w.truth.violations)
			}
		})
	}
}
