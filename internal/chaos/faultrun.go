package chaos

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// faultRun is one task fault on one system.
type faultRun struct {
	s     *System
	id    string
	taken net.Listener // the port that is taken
	group string       // the memory cgroup, if one was made
}

// outcome is what became of one fault.
type outcome struct {
	noticed bool
	reason  string
	next    time.Duration // until the next task's process ran
}

const (
	// victimCriteria let the first client in alone, on which tasks fail.
	victimCriteria = "data_qnt > 50"
	// stall is how long a task of the campaign may be silent.
	stall = 3 * time.Second
	// faultBound is how long anything of one fault may take.
	faultBound = 15 * time.Second
)

// play lets one task fail while another one waits for its place, and tells what
// the client made of it.
func (f *faultRun) play(ctx context.Context, kind taskFault, wait time.Duration) (o outcome, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 8*faultBound, fmt.Errorf("the fault %s did not play within %s", kind.name, 8*faultBound))
	defer cancel()
	defer f.s.links[link(clients[0]+"-manager", "files")].Tamper(nil)
	client := clients[0]
	bad, next := &wanted{id: f.id + "-bad"}, &wanted{id: f.id + "-next"}
	port := f.taken.Addr().(*net.TCPAddr).Port
	for _, t := range []struct {
		*wanted
		program, arguments string
	}{{bad, faultProgram, fmt.Sprintf("%s %d", kind.name, port)}, {next, program, ""}} {
		if err := f.prepare(ctx, t.wanted, t.program, t.arguments); err != nil {
			return o, err
		}
	}
	var tampered chan time.Time
	if kind.name == "bad-digest" {
		tampered = f.tamper(link(client+"-manager", "files"))
	}
	// Both are offered at once: the client looks the other way meanwhile.
	manager := f.s.processes[client+"-manager"]
	manager.signal(syscall.SIGSTOP)
	for _, w := range []*wanted{bad, next} {
		if err := f.s.act(ctx, w, Step{Do: Start}); err != nil {
			manager.signal(syscall.SIGCONT)
			return o, err
		}
	}
	manager.signal(syscall.SIGCONT)
	began, err := f.strike(ctx, kind, bad.id, tampered, wait)
	if err != nil {
		return o, err
	}
	if began, err = f.begun(ctx, bad.id, began); err != nil {
		return o, err
	}
	began = began.Add(kind.after)
	o.next, err = f.succeeded(ctx, next.id, began)
	if err != nil {
		return o, err
	}
	if o.reason, err = f.why(ctx, bad.id, kind.name == "bad-digest"); err != nil {
		return o, err
	}
	o.noticed = o.reason != ""
	return o, f.tidy(ctx, bad, next)
}

// prepare registers a task that only the victim may run.
func (f *faultRun) prepare(ctx context.Context, w *wanted, text, arguments string) error {
	req := contract.CreateTaskRequest{TaskID: w.id, Host: "127.0.0.1", Port: 1, Username: "u", Password: "p",
		FilesPaths: []string{"client.py"}, SelectionCriteria: victimCriteria, ClientArguments: &arguments}
	if err := f.s.send(ctx, "POST", "/tasks", w.id, req, nil); err != nil {
		return fmt.Errorf("register task %s: %w", w.id, err)
	}
	w.set("new")
	return f.s.give(w, map[string]string{"server.py": quietServer, "client.py": text})
}

// strike makes a running task fail, and tells when, if the harness knows; tasks
// note it themselves otherwise.
func (f *faultRun) strike(ctx context.Context, kind taskFault, task string, tampered <-chan time.Time, wait time.Duration) (began time.Time, err error) {
	if tampered != nil {
		select {
		case began = <-tampered:
			return began, nil
		case <-ctx.Done():
			return began, context.Cause(ctx)
		}
	}
	if kind.atStart {
		return began, nil
	}
	var l Live
	err = f.until(ctx, "task "+task+" runs", func() bool {
		live, _ := f.s.scan.Of(f.s.dir)
		i := slices.IndexFunc(live, func(x Live) bool { return x.Task == task && x.Side == "client" })
		if i >= 0 {
			l = live[i]
		}
		return i >= 0
	})
	if err != nil {
		return began, err
	}
	sleep(ctx, wait)
	if kind.strike != nil {
		began = time.Now()
		if err := kind.strike(f, l); err != nil {
			return began, err
		}
		if kind.name == "sigkill" {
			return began, nil
		}
	}
	return time.Time{}, writeProgram(filepath.Join(f.s.clientWork(clients[0]), "chaos"), map[string]string{"go." + task: ""})
}

// tamper flips a bit of the failing program on its way to the client, each time it
// passes; when it did so first is sent.
func (f *faultRun) tamper(l string) chan time.Time {
	first := make(chan time.Time, 1)
	f.s.links[l].Tamper(func(piece []byte) []byte {
		i := bytes.Index(piece, []byte("a_module_that_nobody_has"))
		if i < 0 {
			return piece
		}
		piece[i] ^= 1
		select {
		case first <- time.Now():
		default:
		}
		return piece
	})
	return first
}
