package chaos

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// What a step does. The first are an operator's actions, the rest are faults.
const (
	Create = "create"
	Start  = "start"
	Stop   = "stop"
	Update = "update"
	// Revoke revokes the bundle of a task, in a closed system: it is gone for good.
	Revoke = "revoke"

	Kill      = "kill"      // SIGKILL of a process; it is started again after For
	Restart   = "restart"   // SIGTERM of a process; it is started again at once
	Pause     = "pause"     // SIGSTOP, and SIGCONT after For
	Cut       = "cut"       // a link breaks and turns connections away for For
	Slow      = "slow"      // a link delays all by Delay for For
	Hold      = "hold"      // a link is silent, half-open, for For; then all of it passes
	Reset     = "reset"     // what is open on a link is reset, once
	KillTask  = "kill-task" // SIGKILL of a task's process: of its server, or of a client's side
	KillShim  = "kill-shim" // SIGKILL of what holds such a process; the kernel then kills that
	PauseTask = "pause-task"
	// Reboot kills all of a side at once, with its tasks, as the loss of a machine
	// does; after For it is started again. A broker on RabbitMQ is on another machine.
	Reboot = "reboot"
	// Disown revokes a client's credential, in a closed system; after For it enrols anew.
	Disown = "disown"
)

// Span is a time as people read it, also in JSON.
type Span time.Duration

// MarshalText writes it as 1.5s.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// Step is one action or fault.
type Step struct {
	At     Span   `json:"at"`
	Do     string `json:"do"`
	Target string `json:"target,omitempty"` // of a fault: a process, a link, server, or a client
	Task   int    `json:"task,omitempty"`   // of an action, or of a fault of a task: which, from 1
	For    Span   `json:"for,omitempty"`
	Delay  Span   `json:"delay,omitempty"` // of slow; of an action: after which its call comes again
	// Twice tells that the action's call is delivered twice, with one message id.
	Twice bool `json:"twice,omitempty"`
}

// fault tells whether a step is one.
func (s Step) fault() bool {
	return !slices.Contains([]string{Create, Start, Stop, Update, Revoke}, s.Do)
}

// Kind is what a step is counted as.
func (s Step) Kind() string {
	switch s.Do {
	case Kill, Restart, Pause, KillTask, KillShim, PauseTask, Reboot:
		side := s.Target
		for _, c := range clients {
			switch s.Target {
			case c:
				side = "client"
			case c + "-gateway", c + "-manager", c + "-broker":
				side = map[string]string{c + "-gateway": "client-gateway", c + "-manager": "client-task-manager", c + "-broker": "client-broker"}[s.Target]
			}
		}
		return s.Do + " " + side
	}
	return s.Do
}

// Schedule is what happens to a system, all of it from the seed.
type Schedule struct {
	Seed  uint64   `json:"seed"`
	Tasks []string `json:"tasks"` // the criteria of each
	Steps []Step   `json:"steps"` // in the order of their times
}

const (
	// window is the time within which faults begin.
	window = 5 * time.Second
	// quietStart is how long nothing is disturbed.
	quietStart = 300 * time.Millisecond
)

// picker draws from a seed.
type picker struct{ *rand.Rand }

func (p picker) between(least, most time.Duration) Span {
	d := least + time.Duration(p.Int64N(int64(most-least)+1))
	return Span(d.Round(time.Millisecond))
}

func pick[T any](p picker, from []T) T { return from[p.IntN(len(from))] }

// NewSchedule draws one. The same seed gives the same schedule, of one version of
// this program.
func NewSchedule(seed uint64) Schedule {
	p := picker{rand.New(rand.NewPCG(seed, 0x6167617461))}
	s := Schedule{Seed: seed}
	for i := range 2 + p.IntN(2) {
		s.Tasks = append(s.Tasks, pick(p, []string{"", "", "data_qnt > 50"}))
		at := p.between(0, 200*time.Millisecond)
		s.Steps = append(s.Steps, p.action(Create, i+1, time.Duration(at)))
		// The start waits for the creation whatever its time says.
		s.Steps = append(s.Steps, p.action(Start, i+1, time.Duration(at)+50*time.Millisecond))
	}
	for range 1 + p.IntN(4) { // what the operator does meanwhile
		at, task := p.between(quietStart, window), 1+p.IntN(len(s.Tasks))
		do := pick(p, []string{Stop, Stop, Start, Update})
		s.Steps = append(s.Steps, p.action(do, task, time.Duration(at)))
		if do == Stop && p.IntN(3) > 0 {
			s.Steps = append(s.Steps, p.action(Start, task, time.Duration(at+p.between(0, time.Second))))
		}
	}
	for range 3 + p.IntN(6) {
		s.Steps = append(s.Steps, p.fault(len(s.Tasks))...)
	}
	slices.SortStableFunc(s.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return s
}

// closed is the schedule of a closed system: with further steps that follow from the
// same seed.
func (s Schedule) closed() Schedule {
	p := picker{rand.New(rand.NewPCG(s.Seed, 0x636c6f736564))}
	if p.IntN(2) == 0 {
		at, task := p.between(time.Second, window), 1+p.IntN(len(s.Tasks))
		s.Steps = append(s.Steps, p.action(Revoke, task, time.Duration(at)))
		if p.IntN(2) == 0 { // which must be refused
			s.Steps = append(s.Steps, p.action(Start, task, time.Duration(at+p.between(0, time.Second))))
		}
	}
	if p.IntN(3) == 0 {
		s.Steps = append(s.Steps, Step{At: p.between(quietStart, window), Do: Disown, Target: pick(p, clients), For: p.between(0, 2*time.Second)})
	}
	slices.SortStableFunc(s.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return s
}

// action draws whether an action's call is delivered twice.
func (p picker) action(do string, task int, at time.Duration) Step {
	step := Step{At: Span(at), Do: do, Task: task}
	if do != Update && p.IntN(4) == 0 {
		step.Twice, step.Delay = true, p.between(10*time.Millisecond, 2*time.Second)
	}
	return step
}

// fault draws one fault, and what an operator does about it.
func (p picker) fault(tasks int) []Step {
	all := append(slices.Sorted(maps.Keys(services())), brokers()...)
	f := Step{At: p.between(quietStart, window)}
	switch p.IntN(21) {
	case 0, 1, 2, 3, 4, 5:
		f.Do, f.Target, f.For = Kill, pick(p, all), p.between(0, 1500*time.Millisecond)
	case 6, 7, 8:
		f.Do, f.Task = pick(p, []string{KillTask, KillTask, KillShim}), 1+p.IntN(tasks)
		f.Target = pick(p, append([]string{"server"}, clients...))
		if f.Target == "server" && p.IntN(3) > 0 {
			return []Step{f, p.action(Start, f.Task, time.Duration(f.At+p.between(200*time.Millisecond, 1500*time.Millisecond)))}
		}
	case 9:
		f.Do, f.Target = Restart, pick(p, slices.Sorted(maps.Keys(services())))
	case 10, 11:
		f.Do, f.Target, f.For = Pause, pick(p, all), p.between(100*time.Millisecond, 2*time.Second)
	case 12:
		f.Do, f.Task, f.For = PauseTask, 1+p.IntN(tasks), p.between(100*time.Millisecond, 2*time.Second)
		f.Target = pick(p, append([]string{"server"}, clients...))
	case 13, 14, 15:
		f.Do, f.Target, f.For = Cut, pick(p, links()), p.between(100*time.Millisecond, 2500*time.Millisecond)
	case 16:
		f.Do, f.Target, f.For, f.Delay = Slow, pick(p, links()), p.between(500*time.Millisecond, 3*time.Second), p.between(20*time.Millisecond, 300*time.Millisecond)
	case 17, 18:
		f.Do, f.Target, f.For = Hold, pick(p, links()), p.between(200*time.Millisecond, 3*time.Second)
	case 19:
		f.Do, f.Target = Reset, pick(p, links())
	case 20:
		f.Do, f.Target, f.For = Reboot, pick(p, append([]string{"cloud"}, clients...)), p.between(100*time.Millisecond, 2*time.Second)
	}
	return []Step{f}
}

// text is a schedule for people.
func (s Schedule) text() []string {
	var lines []string
	for i, criteria := range s.Tasks {
		lines = append(lines, fmt.Sprintf("task %d: criteria %q", i+1, criteria))
	}
	for _, st := range s.Steps {
		line := fmt.Sprintf("%6.3fs %s %s", time.Duration(st.At).Seconds(), st.Do, st.Target)
		if st.Task > 0 {
			line += fmt.Sprintf(" task %d", st.Task)
		}
		if st.For > 0 {
			line += fmt.Sprintf(" for %s", time.Duration(st.For))
		}
		if st.Delay > 0 && !st.Twice {
			line += fmt.Sprintf(" by %s", time.Duration(st.Delay))
		}
		if st.Twice {
			line += fmt.Sprintf(", again after %s", time.Duration(st.Delay))
		}
		lines = append(lines, line)
	}
	return lines
}
