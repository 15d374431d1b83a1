package policy

import (
	"fmt"
	"time"
)

// Restart is how a task is restarted: at most Attempts times within any Interval,
// first after Delay, then after twice as long each time up to MaxDelay, each
// delay longer or shorter by a random share of up to Jitter.
type Restart struct {
	Attempts int // 0: never; negative: without end
	Interval time.Duration
	Delay    time.Duration
	MaxDelay time.Duration
	Jitter   float64 // 0 to 1; 0.2 is ±20 %
	Code     bool    // restart after failures of the code as well
}

// DefaultRestart suits a client's task.
func DefaultRestart() Restart {
	return Restart{Attempts: 5, Interval: 10 * time.Minute, Delay: time.Second, MaxDelay: time.Minute, Jitter: 0.2}
}

// Validate names what is wrong with a policy.
func (r Restart) Validate() error {
	switch {
	case r.Interval <= 0 && r.Attempts != 0:
		return fmt.Errorf("restart policy: the interval %v must be positive", r.Interval)
	case r.Delay < 0 || r.MaxDelay < r.Delay:
		return fmt.Errorf("restart policy: the delay %v must lie between 0 and the largest delay %v", r.Delay, r.MaxDelay)
	case r.Jitter < 0 || r.Jitter > 1:
		return fmt.Errorf("restart policy: the jitter %v must lie between 0 and 1", r.Jitter)
	}
	return nil
}

// GiveUp says why there is no restart; empty if there is one.
type GiveUp string

// Why there is no restart.
const (
	StoppedByOperator GiveUp = "operator_stop"
	CodeFailure       GiveUp = "code_failure"
	AttemptsExhausted GiveUp = "attempts_exhausted"
)

// Decision is what to do after a failure.
type Decision struct {
	Restart bool
	At      time.Time // when, if Restart
	Attempt int       // the number of this restart within the interval, from 1
	GiveUp  GiveUp    // why not, if not Restart
}

// Tracker applies a Restart policy to one task. It is not safe for concurrent use.
type Tracker struct {
	policy   Restart
	random   func() float64 // in [0, 1)
	restarts []time.Time    // of failures within the interval that were answered by a restart
}

// NewTracker begins without a history. random is rand.Float64 outside tests.
func NewTracker(policy Restart, random func() float64) *Tracker {
	return &Tracker{policy: policy, random: random}
}

// Failed records a failure at now and decides.
func (t *Tracker) Failed(now time.Time, reason Reason) Decision {
	switch class := ClassOf(reason); {
	case class == Operator:
		return Decision{GiveUp: StoppedByOperator}
	case class == Code && !t.policy.Code:
		return Decision{GiveUp: CodeFailure}
	}
	for len(t.restarts) > 0 && now.Sub(t.restarts[0]) >= t.policy.Interval {
		t.restarts = t.restarts[1:]
	}
	if t.policy.Attempts >= 0 && len(t.restarts) >= t.policy.Attempts {
		return Decision{GiveUp: AttemptsExhausted}
	}
	t.restarts = append(t.restarts, now)
	attempt := len(t.restarts)
	if attempt > maxHistory { // without end, the delay is the largest long since
		t.restarts = t.restarts[1:]
	}
	return Decision{Restart: true, At: now.Add(t.delay(attempt)), Attempt: attempt}
}

// maxHistory bounds the memory of a policy without end.
const maxHistory = 64

func (t *Tracker) delay(attempt int) time.Duration {
	delay := t.policy.Delay
	for i := 1; i < attempt && delay > 0 && delay < t.policy.MaxDelay; i++ {
		delay = min(2*delay, t.policy.MaxDelay)
	}
	share := t.policy.Jitter * (2*t.random() - 1)
	return delay + time.Duration(share*float64(delay))
}
