package policy

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// patient is a task under watch: it is looked at as often as it must be.
type patient struct {
	*Rhythm
	now  time.Time
	used time.Duration
	load float64 // cores in use
}

func newPatient(silence time.Duration) *patient {
	return &patient{Rhythm: NewRhythm(t0, silence), now: t0}
}

func (p *patient) cpu() (time.Duration, bool) { return p.used, true }

// waits lets time pass and says at which moments, from its beginning, it was
// first stalled and first dead; 0: it was not.
func (p *patient) waits(span time.Duration) (stalled, dead time.Duration) {
	for passed := time.Duration(0); passed < span; {
		passed += p.Every()
		p.now = p.now.Add(p.Every())
		p.used += time.Duration(p.load * float64(p.Every()))
		switch p.Look(p.now, p.cpu) {
		case Alive:
			stalled, dead = 0, 0
		case Stalled:
			if stalled == 0 {
				stalled = passed
			}
		case Dead:
			return stalled, passed
		}
	}
	return stalled, dead
}

func (p *patient) reports(n int, every time.Duration) {
	for range n {
		p.waits(every)
		p.Sign(p.now, Report)
	}
}

func TestRhythm(t *testing.T) {
	const silence = 10 * time.Minute
	for name, tc := range map[string]struct {
		before        func(p *patient)
		load          float64
		span          time.Duration
		stalled, dead time.Duration // 0: never
	}{
		"says nothing from the start": {func(*patient) {}, 0, time.Hour, 5 * time.Minute, 10 * time.Minute},
		"computes and never reports":  {func(*patient) {}, 1, 10 * time.Hour, 5 * time.Minute, 0},
		"a quick rhythm":              {func(p *patient) { p.reports(10, 5*time.Second) }, 0, time.Hour, 30 * time.Second, 10 * time.Minute},
		"a slow rhythm":               {func(p *patient) { p.reports(10, 2*time.Minute) }, 0, 2 * time.Hour, 10 * time.Minute, 40 * time.Minute},
		"slower than the silence":     {func(p *patient) { p.reports(10, 9*time.Minute) }, 0, 5 * time.Hour, 45 * time.Minute, 180 * time.Minute},
		"two pauses are no rhythm":    {func(p *patient) { p.reports(3, 5*time.Second) }, 0, time.Hour, 5 * time.Minute, 10 * time.Minute},
		"the longest pause counts": {func(p *patient) {
			p.reports(4, 5*time.Second)
			p.reports(1, 100*time.Second)
			p.reports(4, 5*time.Second)
		}, 0, time.Hour, 500 * time.Second, 2000 * time.Second},
		"an old one is forgotten": {func(p *patient) {
			p.reports(1, time.Second)
			p.reports(1, 100*time.Second)
			p.reports(8, 5*time.Second)
		}, 0, time.Hour, 30 * time.Second, 10 * time.Minute},
		"a rhythm, and it computes": {func(p *patient) { p.reports(10, 10*time.Second) }, 1, 10 * time.Hour, 50 * time.Second, time.Hour},
		"a keep-alive is no work":   {func(p *patient) { p.reports(10, 10*time.Second) }, 0.02, 10 * time.Hour, 50 * time.Second, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatient(silence)
			tc.before(p)
			p.load = tc.load
			stalled, dead := p.waits(tc.span)
			if !near(stalled, tc.stalled) || !near(dead, tc.dead) {
				t.Errorf("stalled after %s and dead after %s, want %s and %s", stalled, dead, tc.stalled, tc.dead)
			}
			if why := p.Why(); !strings.HasPrefix(why, "no report for ") || strings.Contains(why, "compute") != (tc.load == 1) {
				t.Errorf("why: %s", why)
			}
		})
	}
}

// near allows for the time between two looks.
func near(got, want time.Duration) bool {
	return (got == 0) == (want == 0) && got >= want && got <= want+10*time.Second
}

// A burst at the start is one beat, and no rhythm of milliseconds.
func TestABurstIsOneBeat(t *testing.T) {
	p := newPatient(10 * time.Minute)
	for range 50 {
		p.now = p.now.Add(20 * time.Millisecond)
		p.Sign(p.now, Report)
	}
	if stalled, _ := p.waits(4 * time.Minute); stalled != 0 {
		t.Errorf("stalled after %s", stalled)
	}
}

func TestProgressHeals(t *testing.T) {
	p := newPatient(10 * time.Minute)
	p.reports(10, 5*time.Second)
	if stalled, _ := p.waits(2 * time.Minute); stalled == 0 {
		t.Fatal("it is not stalled")
	}
	p.Sign(p.now, Report)
	if p.Look(p.now, p.cpu) != Alive || !p.Since().Equal(p.now) {
		t.Error("a report did not heal it")
	}
	// The long pause is part of its rhythm now.
	if stalled, _ := p.waits(9 * time.Minute); stalled != 0 {
		t.Errorf("stalled again after %s", stalled)
	}
}

// Output holds a task up, but not for ever.
func TestOutputCountsLess(t *testing.T) {
	p := newPatient(10 * time.Minute)
	prints := func(span time.Duration) (stalled, dead time.Duration) {
		for passed := time.Duration(0); passed < span; passed += p.Every() {
			p.now = p.now.Add(p.Every())
			p.Sign(p.now, Output)
			switch p.Look(p.now, p.cpu) {
			case Stalled:
				if stalled == 0 {
					stalled = passed
				}
			case Dead:
				return stalled, passed
			case Alive:
			}
		}
		return stalled, 0
	}
	stalled, dead := prints(time.Hour)
	if stalled < 14*time.Minute || stalled > 16*time.Minute || dead < 29*time.Minute || dead > 31*time.Minute {
		t.Errorf("stalled after %s, dead after %s", stalled, dead)
	}
}

// A machine that sleeps, or a manager that does, ends nothing.
func TestTimeNotWatchedDoesNotCount(t *testing.T) {
	p := newPatient(10 * time.Minute)
	p.reports(10, 5*time.Second)
	for range 2 {
		p.now = p.now.Add(24 * time.Hour)
		if pulse := p.Look(p.now, p.cpu); pulse != Alive {
			t.Fatalf("after a day that nobody watched it is %d", pulse)
		}
	}
	p.now = p.now.Add(-time.Hour) // nor does a clock that goes back
	if pulse := p.Look(p.now, p.cpu); pulse != Alive {
		t.Fatalf("after a clock that went back it is %d", pulse)
	}
	if stalled, _ := p.waits(time.Minute); stalled == 0 {
		t.Error("it is not stalled though it was watched")
	}
}

// With a real ticker, on a clock of its own.
func TestRhythmOnATicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRhythm(time.Now(), 8*time.Minute)
		ticker := time.NewTicker(r.Every())
		defer ticker.Stop()
		began := time.Now()
		for range ticker.C {
			if r.Look(time.Now(), func() (time.Duration, bool) { return 0, false }) == Dead {
				break
			}
		}
		if took := time.Since(began); took < 8*time.Minute || took > 8*time.Minute+10*time.Second {
			t.Errorf("dead after %s", took)
		}
	})
}
