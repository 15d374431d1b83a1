package supervise

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestStop(t *testing.T) {
	python := []string{"python3", "-u", "-c", "import signal,sys,time\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(5))\nprint('up')\ntime.sleep(60)"}
	for name, c := range map[string]struct {
		argv         []string
		code, signal int
		least, most  time.Duration
	}{
		"obeys":     {sh("echo up; exec sleep 60"), -1, 15, 0, 250 * time.Millisecond},
		"tidies up": {python, 5, 0, 0, 250 * time.Millisecond},
		"ignores":   {sh(`trap "" TERM; echo up; while :; do sleep 0.02; done`), -1, 9, 300 * time.Millisecond, 2 * time.Second},
		"is frozen": {sh(`trap 'exit 6' TERM; echo up; kill -STOP $$`), 6, 0, 0, 250 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, newManager(t), Spec{Argv: c.argv, Grace: 300 * time.Millisecond})
			<-p.Lines()
			time.Sleep(20 * time.Millisecond)
			began := time.Now()
			exit := waitStopped(t, p)
			if took := time.Since(began); took < c.least || took > c.most+time.Second {
				t.Errorf("took %v, want %v to %v", took, c.least, c.most)
			}
			if exit.Reason != ReasonStopped || exit.Code != c.code || exit.Signal != c.signal {
				t.Errorf("exit %+v", exit)
			}
			if !gone(p.PID()) {
				t.Error("the task still runs")
			}
			if err := p.Stop(t.Context()); err != nil {
				t.Errorf("a second stop: %v", err)
			}
		})
	}
}

func TestDescendantsGoToo(t *testing.T) {
	for name, c := range map[string]struct {
		script string // prints the pid of a descendant
		end    func(t *testing.T, p *Process)
		want   Reason
	}{
		"own session, stopped":                 {`setsid sleep 300 & echo $!; wait`, stopIt, ReasonStopped},
		"own session, deaf, stopped":           {`setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & wait`, stopIt, ReasonStopped},
		"leader exits, group holds stdout":     {`sleep 300 & echo $!; sleep 1; exit 4`, letIt, ReasonExitNonzero},
		"leader exits, own session and deaf":   {`setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & sleep 1; exit 4`, letIt, ReasonExitNonzero},
		"daemon: two forks and a session":      {`(setsid sh -c 'sleep 300 & echo $!; wait' &); sleep 60`, stopIt, ReasonStopped},
		"shim killed, descendant alone":        {`setsid sleep 300 & echo $!; wait`, killShim, ReasonLost},
		"shim frozen: the manager ends it all": {`sleep 300 & echo $!; wait`, freezeShimAndStop, ReasonLost},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t)
			if strings.HasPrefix(name, "shim frozen") {
				m.patience = 100 * time.Millisecond
			}
			p := start(t, m, Spec{Argv: sh(c.script), Grace: 200 * time.Millisecond})
			descendant := pidLine(t, p)
			if gone(descendant) {
				t.Fatal("the descendant does not run: the test shows nothing")
			}
			c.end(t, p)
			if exit := waitDone(t, p); exit.Reason != c.want {
				t.Errorf("exit %+v", exit)
			}
			if !gone(p.PID()) || !gone(descendant) {
				t.Errorf("task gone: %v, descendant gone: %v", gone(p.PID()), gone(descendant))
			}
		})
	}
}

func stopIt(t *testing.T, p *Process) { waitStopped(t, p) }

func letIt(t *testing.T, p *Process) {
	began := time.Now()
	waitDone(t, p)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the exit was noticed after %v", took)
	}
}

func killShim(t *testing.T, p *Process) {
	if err := syscall.Kill(p.record.Shim.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// freezeShimAndStop needs a manager of little patience.
func freezeShimAndStop(t *testing.T, p *Process) {
	if err := syscall.Kill(p.record.Shim.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	waitStopped(t, p)
}
