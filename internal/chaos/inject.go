package chaos

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"
)

// stopTime is how long a service may take to end on SIGTERM.
const stopTime = 40 * time.Second

// inject carries out a fault and mends it after its time: a process that was
// killed is started again, as the init of a machine does. It returns when the
// fault is over. done is false if there was nothing to break.
func (s *System) inject(ctx context.Context, tasks []*wanted, f Step) (done bool, err error) {
	wait := func() { sleep(ctx, time.Duration(f.For)) }
	p := s.processes[f.Target] // nil for a broker on RabbitMQ
	switch f.Do {
	case Kill, Pause:
		if p == nil { // its node goes on, and serves others; all connections to it break, or are silent
			return true, s.breakBroker(f, wait)
		}
		return s.disturb(p, f, wait)
	case Restart:
		s.turns[f.Target].Lock()
		defer s.turns[f.Target].Unlock()
		if err := p.stop(syscall.SIGTERM, stopTime); err != nil {
			return true, err
		}
		return true, p.start()
	case KillTask, KillShim, PauseTask:
		return s.disturbTask(tasks[f.Task-1], f, wait)
	case Reboot:
		return true, s.reboot(tasks, f, wait)
	case Disown:
		return true, s.disown(ctx, f, wait)
	}
	l := s.links[f.Target]
	s.turns[f.Target].Lock()
	defer s.turns[f.Target].Unlock()
	switch f.Do {
	case Cut:
		l.Cut()
	case Slow:
		l.Delay(time.Duration(f.Delay))
	case Hold:
		l.Hold()
	case Reset:
		l.Reset()
		return true, nil
	default:
		return false, fmt.Errorf("there is no fault %q", f.Do)
	}
	wait()
	l.Heal()
	return true, nil
}

// disturb kills or pauses one of AGATA's processes.
func (s *System) disturb(p *process, f Step, wait func()) (bool, error) {
	s.turns[f.Target].Lock()
	defer s.turns[f.Target].Unlock()
	if f.Do == Pause {
		if !p.signal(syscall.SIGSTOP) {
			return false, nil
		}
		wait()
		p.signal(syscall.SIGCONT)
		return true, nil
	}
	if err := p.stop(syscall.SIGKILL, stopTime); err != nil {
		return true, err
	}
	s.lost(f.Target)
	wait()
	return true, p.start()
}

// breakBroker breaks every way to a broker.
func (s *System) breakBroker(f Step, wait func()) error {
	var to []*Proxy
	for _, key := range links() {
		if _, end := ends(key); end == f.Target {
			s.turns[key].Lock()
			defer s.turns[key].Unlock()
			to = append(to, s.links[key])
		}
	}
	for _, l := range to {
		if f.Do == Kill {
			l.Cut()
		} else {
			l.Hold()
		}
	}
	wait()
	for _, l := range to {
		l.Heal()
	}
	return nil
}

// disturbTask kills or pauses a task's process. The end of a server is an end of
// its task, so no action may be under way meanwhile.
func (s *System) disturbTask(w *wanted, f Step, wait func()) (bool, error) {
	work := s.cloudWork()
	if f.Target != "server" {
		work = s.clientWork(f.Target)
	}
	w.turn.Lock()
	if f.Do == PauseTask {
		w.turn.Unlock() // who stops it meanwhile is not held up
	} else {
		defer w.turn.Unlock()
	}
	if state, _ := w.now(); state != "running" {
		return false, nil
	}
	live, _ := s.scan.Of(s.dir)
	for _, l := range live {
		if l.Task != w.id || l.Work != work {
			continue
		}
		if f.Do == PauseTask {
			if syscall.Kill(l.PID, syscall.SIGSTOP) != nil {
				return false, nil
			}
			wait()
			_ = syscall.Kill(l.PID, syscall.SIGCONT) // it may have been stopped meanwhile
			return true, nil
		}
		pid := l.PID
		if f.Do == KillShim {
			pid = l.Parent
		}
		if syscall.Kill(pid, syscall.SIGKILL) != nil {
			return false, nil
		}
		if f.Target == "server" {
			w.set("failed")
		} else {
			w.mu.Lock()
			w.kills[f.Target]++
			w.mu.Unlock()
		}
		return true, nil
	}
	return false, nil
}

// reboot kills a side with all that it runs, and starts it again.
func (s *System) reboot(tasks []*wanted, f Step, wait func()) error {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.processes)) {
		if strings.HasPrefix(name, f.Target+"-") || f.Target == "cloud" && name == "user-manager" {
			names = append(names, name)
		}
	}
	work := s.cloudWork()
	if f.Target != "cloud" {
		work = s.clientWork(f.Target)
	}
	for _, name := range names {
		s.turns[name].Lock()
		defer s.turns[name].Unlock()
	}
	if f.Target == "cloud" { // no action may be under way: what it led to would be unknown
		for _, w := range tasks {
			w.turn.Lock()
			defer w.turn.Unlock()
		}
	}
	for _, name := range names {
		if err := s.processes[name].stop(syscall.SIGKILL, stopTime); err != nil {
			return err
		}
		s.lost(name)
	}
	// Nobody starts any task now.
	for s.scan.settle(); ; s.scan.settle() {
		live, _ := s.scan.Of(s.dir)
		live = slices.DeleteFunc(live, func(l Live) bool { return l.Work != work })
		if len(live) == 0 {
			break
		}
		for _, l := range live {
			_ = syscall.Kill(l.Parent, syscall.SIGKILL) // it may have ended by now
			_ = syscall.Kill(l.PID, syscall.SIGKILL)
		}
	}
	for _, w := range tasks {
		w.mu.Lock()
		if f.Target != "cloud" {
			w.kills[f.Target]++
		} else if w.state == "running" {
			w.state = "failed"
		}
		w.mu.Unlock()
	}
	wait()
	for _, name := range names {
		if err := s.processes[name].start(); err != nil {
			return err
		}
	}
	return nil
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
