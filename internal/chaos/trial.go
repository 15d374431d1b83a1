package chaos

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Violation is an invariant that did not hold.
type Violation struct {
	Seed      uint64    `json:"seed"`
	Run       int       `json:"run"` // of the campaign, from 1
	Invariant Invariant `json:"invariant"`
	What      string    `json:"what"`
	At        Span      `json:"at"`       // since the schedule's start
	Schedule  []string  `json:"schedule"` // in words
	State     []string  `json:"state"`
	Folder    string    `json:"folder"` // is kept
}

// injected is a fault that was carried out.
type injected struct {
	kind        string
	began, over time.Time // over is zero while it lasts
	right       time.Time // when all was right for the first time after it was over
}

// trial is one schedule on one system.
type trial struct {
	s        *System
	eyes     *eyes
	schedule Schedule
	bound    time.Duration
	began    time.Time
	tasks    []*wanted

	revokedIn []time.Duration // how long revoked processes lived, where nothing was broken
	knocks    atomic.Int64    // of a stranger, who was turned away

	mu         sync.Mutex
	heard      map[string]time.Time // by client and bundle, when it was on the list of revoked ones
	faults     []*injected
	violations []Violation
	said       map[Invariant]int
	firstLive  map[string]glimpse // by execution
	lastLive   map[string]glimpse
	alive      map[string]bool
	changed    map[string]time.Time // by place, when what runs there changed
	excused    int                  // rounds that the design may lose, and did
	settled    time.Duration        // from the last step to when all was right
	wrong      string               // what was not right, last
	last       string               // what was it at the end of settled
	ending     []string             // the state at the end, if an invariant was violated
	rounds     int                  // that are in the history
	toldIn     time.Duration        // from when all was right to when all was in the history
}

func newTrial(s *System, run int, schedule Schedule, bound time.Duration) *trial {
	t := &trial{s: s, schedule: schedule, bound: bound, said: map[Invariant]int{}, heard: map[string]time.Time{},
		firstLive: map[string]glimpse{}, lastLive: map[string]glimpse{}, alive: map[string]bool{}, changed: map[string]time.Time{}}
	for i, criteria := range schedule.Tasks {
		t.tasks = append(t.tasks, &wanted{id: fmt.Sprintf("r%d-s%d-t%d", run, schedule.Seed, i+1), criteria: criteria, kills: map[string]int{}})
	}
	return t
}

// violate notes a violation; of each invariant the first few say enough.
func (t *trial) violate(invariant Invariant, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said[invariant]++; t.said[invariant] > 3 {
		return
	}
	t.violations = append(t.violations, Violation{Seed: t.schedule.Seed, Invariant: invariant, What: fmt.Sprintf(format, args...), At: Span(time.Since(t.began).Round(time.Millisecond))})
}

// run plays the schedule, waits until all is right, and ends what it began. An
// error means that the harness itself failed.
func (t *trial) run(ctx context.Context) (err error) {
	if t.eyes, err = openEyes(t.s); err != nil {
		return err
	}
	defer t.eyes.close()
	watching, stop := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer stop()
	for _, c := range clients {
		watchers.Go(func() { t.eyes.ask(watching, c) })
	}
	watchers.Go(func() { t.watch(watching) })
	watchers.Go(func() { t.convergence(watching) })
	if t.s.closed != nil {
		x, err := newStranger(t.s)
		if err != nil {
			return err
		}
		watchers.Go(func() { x.knock(watching, t) })
	}

	t.began = time.Now()
	t.play(ctx)
	over := time.Now()
	if ctx.Err() == nil && t.awaitRight(ctx, "the last fault") {
		t.settled, t.last = time.Since(over), t.wrong
		t.awaitHistory(ctx)
		if t.s.closed != nil {
			t.revokeOne(ctx)
		}
	}
	t.finish(ctx)
	if len(t.violations) > 0 {
		t.ending = t.state(ctx)
	}
	return ctx.Err()
}

// play carries out the steps at their times and returns when all are over.
func (t *trial) play(ctx context.Context) {
	var steps sync.WaitGroup
	for _, step := range t.schedule.Steps {
		steps.Go(func() {
			sleep(ctx, time.Until(t.began.Add(time.Duration(step.At))))
			if ctx.Err() != nil {
				return
			}
			if !step.fault() {
				if err := t.s.act(ctx, t.tasks[step.Task-1], step); err != nil && ctx.Err() == nil {
					t.violate(Obeys, "%v", err)
				}
				return
			}
			t.fault(ctx, step)
		})
	}
	steps.Wait()
}

func (t *trial) fault(ctx context.Context, step Step) {
	f := &injected{kind: step.Kind(), began: time.Now()}
	t.mu.Lock()
	t.faults = append(t.faults, f)
	t.mu.Unlock()
	done, err := t.s.inject(ctx, t.tasks, step)
	if err != nil && ctx.Err() == nil {
		t.violate(Lives, "%v", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	f.over = time.Now()
	if !done { // there was nothing to break
		t.faults = slices.DeleteFunc(t.faults, func(x *injected) bool { return x == f })
	}
}

// watch checks what must hold at every moment.
func (t *trial) watch(ctx context.Context) {
	var p patience
	for ctx.Err() == nil {
		live, at := t.s.scan.Of(t.s.dir)
		t.notice(live, at)
		found, err := t.eyes.look(ctx)
		if err != nil && ctx.Err() == nil {
			t.violate(Lives, "%v", err)
		}
		for _, b := range p.judge(t.s, append(found, t.unrevoked(live)...), time.Now()) {
			t.violate(b.invariant, "%s", b.text)
		}
		for _, p := range t.s.processes {
			if err := p.failure(); err != nil {
				t.violate(Lives, "%v", err)
			}
		}
		sleep(ctx, sampleEvery)
	}
}
