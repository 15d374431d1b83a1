package policy

import (
	"fmt"
	"slices"
	"time"
)

const (
	// markFloor is the shortest pause that marks a task, unless the silence that
	// is allowed is very short.
	markFloor = 30 * time.Second
	// markFactor is how many times its own longest pause a task may pause.
	markFactor = 5
	// beat is within which signs are one: reports come in bursts.
	beat = time.Second
	// fewest and most pauses make a rhythm.
	fewest, most = 3, 8
	// outputShare is how much longer one may go on that prints but reports nothing.
	outputShare = 3
	// busyPercent of a core is work.
	busyPercent = 10
)

// Sign is what a task gives of itself.
type Sign int

// The signs.
const (
	Output Sign = iota // a line of output: it lives
	Report             // a report: it gets on
)

// Pulse is how a task does.
type Pulse int

// The pulses.
const (
	Alive   Pulse = iota
	Stalled       // it makes no progress, by its own rhythm: told, and nothing else
	Dead          // nor will it: stop it
)

// Rhythm tells when a task makes no progress any more, by the pauses between its
// own reports. With at least three pauses it is [Stalled] after five times the
// longest of the last eight, but not before 30 s; with fewer, after half the
// silence that is allowed. It is [Dead] four times as late, at the earliest after
// that silence (twice as late without a rhythm); and while its processes compute,
// only six times later still, or without a rhythm never: nobody knows then
// that they do not learn.
//
// Output counts less than reports: a task that prints and reports nothing has
// three times as long. Time during which nobody watches does not count, whether
// the machine slept or the manager did.
//
// It is not safe for concurrent use.
type Rhythm struct {
	silence time.Duration

	seen     time.Time     // the last look, for the next
	awake    time.Duration // time watched so far; what follows is on this clock
	reported time.Duration
	printed  time.Duration
	worked   time.Duration
	sampled  time.Duration

	reportedAt time.Time // by the clock on the wall
	cpu        time.Duration
	cpuKnown   bool
	pauses     []time.Duration
}

// NewRhythm begins to watch. silence is how long a task without a rhythm may say
// nothing before it is dead; it must be positive.
func NewRhythm(now time.Time, silence time.Duration) *Rhythm {
	return &Rhythm{silence: silence, seen: now, reportedAt: now}
}

// Every is how often Look must be called. What passes between two calls beyond
// twice that counts as not watched.
func (r *Rhythm) Every() time.Duration { return min(5*time.Second, r.silence/8) }

func (r *Rhythm) watch(now time.Time) {
	if passed := now.Sub(r.seen); passed > 0 {
		r.awake += min(passed, 2*r.Every())
	}
	r.seen = now
}

// Sign takes in what the task gave.
func (r *Rhythm) Sign(now time.Time, sign Sign) {
	r.watch(now)
	r.printed = r.awake
	if sign != Report {
		return
	}
	if pause := r.awake - r.reported; pause >= beat && r.reported > 0 {
		if r.pauses = append(r.pauses, pause); len(r.pauses) > most {
			r.pauses = r.pauses[1:]
		}
	}
	r.reported, r.reportedAt = max(r.awake, 1), now
}

// Look says how the task does. cpu is what its processes have used so far; it is
// asked for only when that matters, and false tells that it is not known.
func (r *Rhythm) Look(now time.Time, cpu func() (time.Duration, bool)) Pulse {
	r.watch(now)
	mark, dead := r.spans()
	quiet := r.quiet()
	if quiet < mark/2 {
		r.cpuKnown = false
		return Alive
	}
	r.sample(cpu)
	switch idle := min(quiet, r.awake-r.worked); {
	case quiet < mark:
		return Alive
	case idle >= dead, r.known() && quiet >= 6*dead:
		return Dead
	}
	return Stalled
}

func (r *Rhythm) known() bool { return len(r.pauses) >= fewest }

// spans are the pauses that mark a task and that end it.
func (r *Rhythm) spans() (mark, dead time.Duration) {
	var longest time.Duration
	if len(r.pauses) > 0 {
		longest = slices.Max(r.pauses)
	}
	if r.known() {
		mark = max(min(markFloor, r.silence/2), markFactor*longest)
		return mark, max(r.silence, 4*mark)
	}
	mark = max(r.silence/2, markFactor*longest)
	return mark, max(r.silence, 2*mark)
}

// quiet is for how long nothing came, where output counts less.
func (r *Rhythm) quiet() time.Duration {
	return max(r.awake-max(r.reported, r.printed), (r.awake-r.reported)/outputShare)
}

func (r *Rhythm) sample(cpu func() (time.Duration, bool)) {
	used, known := cpu()
	if known && r.cpuKnown && used-r.cpu >= (r.awake-r.sampled)*busyPercent/100 && r.awake > r.sampled {
		r.worked = r.awake
	}
	r.cpu, r.cpuKnown, r.sampled = used, known, r.awake
}

// Since is when the task last reported, or when the watch began.
func (r *Rhythm) Since() time.Time { return r.reportedAt }

// Why says in words what a pulse other than Alive is based on.
func (r *Rhythm) Why() string {
	mark, _ := r.spans()
	text := fmt.Sprintf("no report for %s", (r.awake - r.reported).Round(time.Second))
	if r.known() {
		text += fmt.Sprintf(", and the longest of its last %d pauses was %s", len(r.pauses), slices.Max(r.pauses).Round(100*time.Millisecond))
	} else {
		text += ", and it has told no rhythm"
	}
	if r.printed > r.reported {
		text += fmt.Sprintf("; it last printed %s ago", (r.awake - r.printed).Round(time.Second))
	}
	if r.worked > 0 && r.awake-r.worked < mark {
		text += "; its processes compute"
	}
	return text
}
