package launch

import (
	"time"

	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

// Watch tells whether one execution makes progress. It belongs to the goroutine
// that reads the execution's lines.
type Watch struct {
	C <-chan time.Time // call Look at each; nil if nothing is watched

	proc    *supervise.Process
	rhythm  *policy.Rhythm
	ticker  *time.Ticker
	stalled bool
}

// NewWatch begins to watch. silence is how long a task that told no rhythm may
// say nothing; 0: for ever, and nothing is watched.
func NewWatch(proc *supervise.Process, silence time.Duration) *Watch {
	w := &Watch{proc: proc}
	if silence <= 0 {
		return w
	}
	w.rhythm = policy.NewRhythm(time.Now(), silence)
	w.ticker = time.NewTicker(w.rhythm.Every())
	w.C = w.ticker.C
	return w
}

// Stop ends the ticks.
func (w *Watch) Stop() {
	if w.ticker != nil {
		w.ticker.Stop()
	}
}

// Line takes in a line of output, with the report that it is, or nil.
func (w *Watch) Line(report taskreporter.Report) {
	if w.rhythm == nil {
		return
	}
	sign := policy.Output
	if report != nil {
		sign = policy.Report
	}
	w.rhythm.Sign(time.Now(), sign)
}

// Look says how the execution does, and whether that is news: it has begun, or
// ceased, to be stalled.
func (w *Watch) Look() (pulse policy.Pulse, news bool) {
	pulse = w.rhythm.Look(time.Now(), w.proc.CPU)
	stalled := pulse != policy.Alive
	news, w.stalled = stalled != w.stalled, stalled
	return pulse, news
}

// Since is when the execution last made progress, and Why says what tells so.
func (w *Watch) Since() time.Time { return w.rhythm.Since() }

// Why says in words why the execution counts as stalled.
func (w *Watch) Why() string { return w.rhythm.Why() }
