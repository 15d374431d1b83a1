package policy

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func middle() float64 { return 0.5 } // no jitter

func TestEveryReasonHasAClass(t *testing.T) {
	for _, reason := range contract.Reasons() {
		if _, ok := classes[reason]; !ok {
			t.Errorf("%s has no class", reason)
		}
	}
	if got, want := len(classes), len(contract.Reasons()); got != want {
		t.Errorf("%d reasons in the table, want %d", got, want)
	}
	for reason, want := range map[Reason]Class{
		contract.ReasonFinished: Success, contract.ReasonOOMKilled: Code, contract.ReasonStalled: Infrastructure,
		contract.ReasonServiceStop: Operator, "unheard_of": Infrastructure,
	} {
		if got := ClassOf(reason); got != want {
			t.Errorf("%s is of class %s, want %s", reason, got, want)
		}
	}
}

func TestDelaysGrowAndEnd(t *testing.T) {
	p := Restart{Attempts: 5, Interval: time.Hour, Delay: time.Second, MaxDelay: 5 * time.Second}
	tracker := NewTracker(p, middle)
	for i, want := range []time.Duration{1, 2, 4, 5, 5} {
		now := t0.Add(time.Duration(i) * time.Minute)
		d := tracker.Failed(now, contract.ReasonServerUnreachable)
		if !d.Restart || d.Attempt != i+1 || d.At.Sub(now) != want*time.Second || d.GiveUp != "" {
			t.Errorf("failure %d: %+v, want after %d s", i+1, d, want)
		}
	}
	if d := tracker.Failed(t0.Add(5*time.Minute), contract.ReasonServerUnreachable); d.Restart || d.GiveUp != AttemptsExhausted {
		t.Errorf("the sixth: %+v", d)
	}
	// The first failure leaves the interval, and one attempt comes back.
	if d := tracker.Failed(t0.Add(time.Hour), contract.ReasonServerUnreachable); !d.Restart || d.Attempt != 5 {
		t.Errorf("an hour later: %+v", d)
	}
	// A long healthy time forgets all.
	if d := tracker.Failed(t0.Add(5*time.Hour), contract.ReasonServerUnreachable); d.Attempt != 1 || d.At.Sub(t0) != 5*time.Hour+time.Second {
		t.Errorf("five hours later: %+v", d)
	}
}

func TestGivingUp(t *testing.T) {
	always := Restart{Attempts: -1, Interval: time.Hour, Delay: time.Second, MaxDelay: time.Second}
	code := always
	code.Code = true
	for name, c := range map[string]struct {
		policy Restart
		reason Reason
		want   GiveUp
	}{
		"operator":            {code, contract.ReasonOperatorStop, StoppedByOperator},
		"code":                {always, contract.ReasonExitNonzero, CodeFailure},
		"code, if wanted":     {code, contract.ReasonExitNonzero, ""},
		"infrastructure":      {always, contract.ReasonLost, ""},
		"no attempts at all":  {Restart{}, contract.ReasonLost, AttemptsExhausted},
		"unknown is no blame": {always, "unheard_of", ""},
	} {
		d := NewTracker(c.policy, middle).Failed(t0, c.reason)
		if d.GiveUp != c.want || d.Restart != (c.want == "") {
			t.Errorf("%s: %+v, want %q", name, d, c.want)
		}
	}
}

func TestWithoutEndStaysBounded(t *testing.T) {
	tracker := NewTracker(Restart{Attempts: -1, Interval: 1 << 62, Delay: time.Second, MaxDelay: time.Minute}, middle)
	for i := range 10000 {
		if d := tracker.Failed(t0.Add(time.Duration(i)*time.Second), contract.ReasonLost); !d.Restart {
			t.Fatalf("failure %d: %+v", i, d)
		}
	}
	if len(tracker.restarts) > maxHistory {
		t.Errorf("%d failures remembered", len(tracker.restarts))
	}
}

func TestJitterStaysWithinItsShare(t *testing.T) {
	for _, random := range []float64{0, 0.25, 0.5, 0.999} {
		tracker := NewTracker(Restart{Attempts: 1, Interval: time.Hour, Delay: 10 * time.Second, MaxDelay: time.Minute, Jitter: 0.2}, func() float64 { return random })
		got := tracker.Failed(t0, contract.ReasonLost).At.Sub(t0)
		if want := time.Duration((8 + 4*random) * float64(time.Second)); (got - want).Abs() > time.Millisecond {
			t.Errorf("random %v: after %v, want %v", random, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := DefaultRestart().Validate(); err != nil {
		t.Error(err)
	}
	for name, p := range map[string]Restart{
		"no interval":        {Attempts: 1},
		"negative delay":     {Delay: -1},
		"max below delay":    {Delay: 2, MaxDelay: 1},
		"jitter above one":   {Jitter: 1.1},
		"jitter below zero":  {Jitter: -0.1},
		"unlimited, no span": {Attempts: -1},
	} {
		if p.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestCrashLoop runs a task that fails 100 ms after each start, in virtual time.
func TestCrashLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, starts := time.Now(), 0
		tracker := NewTracker(Restart{Attempts: 4, Interval: time.Minute, Delay: time.Second, MaxDelay: 30 * time.Second}, middle)
		for {
			starts++
			time.Sleep(100 * time.Millisecond)
			d := tracker.Failed(time.Now(), contract.ReasonLost)
			if !d.Restart {
				break
			}
			time.Sleep(time.Until(d.At))
		}
		// 5 runs of 0.1 s and the waits 1+2+4+8 s.
		if took := time.Since(began); starts != 5 || took != 15*time.Second+500*time.Millisecond {
			t.Errorf("%d starts in %v", starts, took)
		}
	})
}

func ExampleTracker() {
	tracker := NewTracker(DefaultRestart(), func() float64 { return 0.5 })
	d := tracker.Failed(t0, contract.ReasonServerUnreachable)
	fmt.Println(d.Restart, d.At.Sub(t0))
	d = tracker.Failed(t0, contract.ReasonReportError)
	fmt.Println(d.Restart, d.GiveUp)
	// Output:
	// true 1s
	// false code_failure
}
