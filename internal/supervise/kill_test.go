package supervise

import (
	"context"
	"testing"
	"time"
)

// What is killed gets no word and no time, also in the middle of a long grace.
func TestKill(t *testing.T) {
	const deaf = `trap "" TERM; echo up; while :; do sleep 0.02; done`
	for name, before := range map[string]func(p *Process){
		"running": func(*Process) {},
		"stopping": func(p *Process) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if err := p.Stop(ctx); err == nil {
				t.Error("a deaf task was stopped within its grace")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, newManager(t), Spec{Argv: sh(deaf), Grace: time.Minute})
			<-p.Lines()
			before(p)
			began := time.Now()
			if err := p.Kill(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			exit, ended := p.Exit()
			if !ended || exit.Reason != ReasonStopped || exit.Signal != 9 || !gone(p.PID()) {
				t.Errorf("%v, exit %+v", ended, exit)
			}
			if err := p.Kill(t.Context()); err != nil {
				t.Errorf("a second time: %v", err)
			}
		})
	}
}

// What left the task's group is killed as well.
func TestKillReachesDescendants(t *testing.T) {
	p := start(t, newManager(t), Spec{Argv: sh(`setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & wait`), Grace: time.Minute})
	pid := pidLine(t, p)
	if err := p.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !gone(pid) || !gone(p.PID()) {
		t.Error("something still runs")
	}
}
