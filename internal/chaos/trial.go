package chaos

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
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

	mu         sync.Mutex
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
	t := &trial{s: s, schedule: schedule, bound: bound, said: map[Invariant]int{},
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

	t.began = time.Now()
	t.play(ctx)
	over := time.Now()
	if ctx.Err() == nil && t.awaitRight(ctx, "the last fault") {
		t.settled, t.last = time.Since(over), t.wrong
		t.awaitHistory(ctx)
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
		for _, b := range p.judge(t.s, found, time.Now()) {
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

// convergence notes when all is right.
func (t *trial) convergence(ctx context.Context) {
	for ctx.Err() == nil {
		asked := time.Now()
		if t.right(ctx) == nil {
			t.mu.Lock()
			for _, f := range t.faults {
				if f.right.IsZero() && !f.over.IsZero() && f.over.Before(asked) {
					f.right = time.Now()
				}
			}
			t.mu.Unlock()
		}
		sleep(ctx, sampleEvery)
	}
}

// awaitRight waits until all is right.
func (t *trial) awaitRight(ctx context.Context, since string) bool {
	began := time.Now()
	for {
		asked := time.Now()
		err := t.right(ctx)
		if err == nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			for _, f := range t.faults {
				if f.right.IsZero() && f.over.Before(asked) {
					f.right = time.Now()
				}
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		t.wrong = err.Error()
		if time.Since(began) > t.bound {
			t.violate(Converges, "%s after %s: %v", t.bound, since, err)
			return false
		}
		sleep(ctx, sampleEvery)
	}
}

// finish stops all tasks, looks that they are gone and that the history is whole,
// and deletes them.
func (t *trial) finish(ctx context.Context) {
	var all sync.WaitGroup
	for _, w := range t.tasks {
		all.Go(func() {
			if err := t.s.act(ctx, w, Step{Do: Stop}); err != nil && ctx.Err() == nil {
				t.violate(Obeys, "%v", err)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil || !t.awaitRight(ctx, "all tasks were stopped") {
		return
	}
	t.s.repeats.Wait()
	t.awaitHistory(ctx)
	t.once(ctx)
	for _, w := range t.tasks {
		if state, _ := w.now(); state == "" {
			continue
		}
		if err := t.s.send(ctx, http.MethodDelete, "/tasks/"+w.id, "", nil, nil); err != nil && ctx.Err() == nil {
			t.violate(Obeys, "the task %s could not be deleted: %v", w.id, err)
		}
	}
}

// state is the system for people, beside a violation.
func (t *trial) state(ctx context.Context) []string {
	lines := []string{fmt.Sprintf("right: %v", t.right(ctx))}
	for _, w := range t.tasks {
		state, settled := w.now()
		lines = append(lines, fmt.Sprintf("wanted: task %s (%q) %s, settled %t, %d starts, kills %v", w.id, w.criteria, state, settled, w.starts, w.kills))
	}
	if records, err := t.eyes.records(ctx); err == nil {
		for id, r := range records {
			lines = append(lines, fmt.Sprintf("record: task %s %s, execution %s", id, r.state, r.execution))
		}
	}
	live, _ := t.s.scan.Of(t.s.dir)
	for _, l := range live {
		lines = append(lines, fmt.Sprintf("process: %d of task %s at %s, execution %s", l.PID, l.Task, orCloud(t.eyes.place(l)), l.Execution))
	}
	for _, c := range clients {
		state, ok := t.eyes.status(c)
		lines = append(lines, fmt.Sprintf("client %s (answers: %t): runs %+v, set aside %+v, last error %q", c, ok, state.Running, state.Quarantined, state.LastError))
	}
	for _, f := range t.faults {
		lines = append(lines, fmt.Sprintf("fault: %s at %.3fs, over at %.3fs", f.kind, f.began.Sub(t.began).Seconds(), f.over.Sub(t.began).Seconds()))
	}
	slices.SortStableFunc(lines[1:], strings.Compare)
	return lines
}
