package chaos

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"time"
)

// revokeTime is how long a task's processes may live after its bundle was revoked,
// where nothing is broken.
const revokeTime = 5 * time.Second

// heardBy tells since when a client has had a bundle on its list of what must not
// run there; zero: it has not.
func (t *trial) heardBy(client, digest string) time.Time {
	t.mu.Lock()
	since := t.heard[client+digest]
	t.mu.Unlock()
	if !since.IsZero() {
		return since
	}
	text, err := os.ReadFile(filepath.Join(t.s.dir, client+"-manager", "client-task-manager", "revoked.json"))
	if err != nil || !bytes.Contains(text, []byte(digest)) {
		return time.Time{} // there is no list yet
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.heard[client+digest].IsZero() {
		t.heard[client+digest] = time.Now()
	}
	return t.heard[client+digest]
}

// unrevoked tells which processes run although their bundle is revoked, where that
// is known: at the cloud, and at clients that have heard of it.
func (t *trial) unrevoked(live []Live) (found []broken) {
	for _, w := range t.tasks {
		digest, revoked := w.bundle()
		if revoked.IsZero() {
			continue
		}
		for _, c := range clients {
			t.heardBy(c, digest) // when it heard of it matters
		}
		for _, l := range live {
			place, whose := t.eyes.place(l), "cloud-task-manager"
			if place != "" {
				whose = place + "-manager"
			}
			if l.Task == w.id && (place == "" || !t.heardBy(place, digest).IsZero()) {
				found = append(found, broken{Revokes, "process " + l.Execution + " of task " + w.id + " runs at " + orCloud(place) + ", and its bundle is revoked", whose})
			}
		}
	}
	return found
}

// revokeOne revokes the bundle of a task that runs, while nothing is broken. Its
// processes have to end in time, and it must not start again.
func (t *trial) revokeOne(ctx context.Context) {
	var running []*wanted
	for _, w := range t.tasks {
		if state, _ := w.now(); state == "running" {
			running = append(running, w)
		}
	}
	if len(running) == 0 {
		return
	}
	w := running[t.schedule.Seed%uint64(len(running))]
	began := time.Now()
	if err := t.s.act(ctx, w, Step{Do: Revoke}); err != nil {
		if ctx.Err() == nil {
			t.violate(Obeys, "%v", err)
		}
		return
	}
	took, ok := t.awaitGone(ctx, w, began)
	if ctx.Err() != nil {
		return
	}
	if !ok || took > revokeTime {
		t.violate(Revokes, "the processes of task %s were there %s after its bundle was revoked, with nothing broken", w.id, took.Round(time.Millisecond))
	}
	t.revokedIn = append(t.revokedIn, took)
	if err := t.s.act(ctx, w, Step{Do: Start}); err != nil && ctx.Err() == nil {
		t.violate(Obeys, "%v", err)
	}
	t.awaitRight(ctx, "a bundle was revoked")
}

// awaitGone waits until no process of a task is there, for up to the bound, and
// tells how long after began that was read.
func (t *trial) awaitGone(ctx context.Context, w *wanted, began time.Time) (took time.Duration, ok bool) {
	for acted := time.Now(); ctx.Err() == nil; sleep(ctx, 10*time.Millisecond) {
		live, at := t.s.scan.Of(t.s.dir)
		there := false
		for _, l := range live {
			there = there || l.Task == w.id
		}
		if took = at.Sub(began); !there && at.After(acted) {
			return took, true
		}
		if time.Since(began) > t.bound {
			return took, false
		}
	}
	return took, false
}

// awaitHeard waits until every client has heard of all that was revoked, and looks
// that nothing of it started later.
func (t *trial) awaitHeard(ctx context.Context) {
	began := time.Now()
	for _, w := range t.tasks {
		digest, revoked := w.bundle()
		if revoked.IsZero() {
			continue
		}
		for _, c := range clients {
			for t.heardBy(c, digest).IsZero() {
				if ctx.Err() != nil {
					return
				}
				if time.Since(began) > t.bound {
					t.violate(Revokes, "client %s has not heard that the bundle of task %s is revoked, %s after all was right", c, w.id, t.bound)
					return
				}
				sleep(ctx, sampleEvery)
			}
		}
	}
	t.mu.Lock()
	started := map[string]glimpse{}
	for x, first := range t.firstLive {
		started[x] = first
	}
	t.mu.Unlock()
	for _, w := range t.tasks {
		digest, known := w.bundle()
		for x, first := range started {
			since := known
			if first.place != "" {
				since = t.heardBy(first.place, digest)
			}
			if !known.IsZero() && first.task == w.id && first.at.After(since.Add(t.s.opt.grace())) {
				t.violate(Revokes, "execution %s of task %s began at %s %s after its bundle was known there as revoked", x, w.id, orCloud(first.place), first.at.Sub(since).Round(time.Millisecond))
			}
		}
	}
}
