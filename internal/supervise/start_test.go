package supervise

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func kind(err error) StartErrorKind {
	if e, ok := errors.AsType[*StartError](err); ok {
		return e.Kind
	}
	return ""
}

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := write("plain", "#!/bin/sh\n", 0o644)
	orphan := write("orphan", "#!/no/such/python\n", 0o755)
	m := newManager(t)
	for name, c := range map[string]struct {
		spec Spec
		want StartErrorKind
		text string
	}{
		"program not in PATH": {Spec{ID: "a", Argv: []string{"no-such-python"}}, KindInterpreterNotFound, "PATH"},
		"PATH of the task":    {Spec{ID: "a", Argv: []string{"sh"}, Env: []string{"PATH=/nowhere"}}, KindInterpreterNotFound, "PATH"},
		"no such file":        {Spec{ID: "a", Argv: []string{"/no/such/python"}}, KindInterpreterNotFound, "no such file"},
		"relative to Dir":     {Spec{ID: "a", Argv: []string{"./nothing"}, Dir: dir}, KindInterpreterNotFound, dir},
		"#! names nothing":    {Spec{ID: "a", Argv: []string{orphan}}, KindInterpreterNotFound, "no such file"},
		"not executable":      {Spec{ID: "a", Argv: []string{plain}}, KindNotPermitted, "permission denied"},
		"no folder":           {Spec{ID: "a", Argv: sh("true"), Dir: "/no/such/folder"}, KindFolderMissing, "/no/such/folder"},
		"folder is a file":    {Spec{ID: "a", Argv: sh("true"), Dir: plain}, KindFolderMissing, "not a folder"},
		"no id":               {Spec{Argv: sh("true")}, KindInvalid, "id"},
		"id climbs":           {Spec{ID: "../a", Argv: sh("true")}, KindInvalid, "id"},
		"id is a dot file":    {Spec{ID: ".lock", Argv: sh("true")}, KindInvalid, "id"},
		"no program":          {Spec{ID: "a"}, KindInvalid, "Argv"},
		"NUL":                 {Spec{ID: "a", Argv: []string{"sh", "a\x00b"}}, KindInvalid, "NUL"},
		"negative grace":      {Spec{ID: "a", Argv: sh("true"), Grace: -1}, KindInvalid, "grace"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := m.Start(t.Context(), c.spec)
			if p != nil || kind(err) != c.want || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v (%q), want %q naming %q", err, kind(err), c.want, c.text)
			}
			if _, err := os.Stat(filepath.Join(m.opts.Dir, "a")); !errors.Is(err, os.ErrNotExist) {
				t.Error("a failed start has left its folder")
			}
		})
	}
	if zombies := zombiesOf(os.Getpid()); len(zombies) != 0 {
		t.Errorf("zombies %v", zombies)
	}
	// After all that the id is free.
	waitDone(t, start(t, m, Spec{ID: "a", Argv: sh("true")}))
}

func TestStartAbandoned(t *testing.T) {
	m := newManager(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p, err := m.Start(ctx, Spec{ID: "a", Argv: sh("sleep 60")})
	if err == nil { // the answer may have been faster; then it is a start like any
		waitStopped(t, p)
		return
	}
	if !errors.Is(err, context.Canceled) || kind(err) != KindFailed {
		t.Errorf("start: %v", err)
	}
	if entries, _ := filepath.Glob(filepath.Join(m.opts.Dir, "a*")); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestConcurrentStartsOfOneID(t *testing.T) {
	m := newManager(t)
	runs := filepath.Join(t.TempDir(), "runs")
	var started, conflicts atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := m.Start(t.Context(), Spec{ID: "one", Argv: sh("echo run >>" + runs + "; echo up; sleep 60")})
			switch {
			case err == nil:
				started.Add(1)
			case kind(err) == KindConflict:
				conflicts.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if started.Load() != 1 || conflicts.Load() != 7 {
		t.Errorf("%d started, %d conflicts", started.Load(), conflicts.Load())
	}
	p := m.Processes()[0]
	if err := p.Remove(); !errors.Is(err, ErrRunning) {
		t.Errorf("remove of a running process: %v", err)
	}
	<-p.Lines()
	waitStopped(t, p)
	if data, _ := os.ReadFile(runs); string(data) != "run\n" {
		t.Errorf("the task ran as %q", data)
	}
	// Ended is not removed: the id stays taken until then.
	if _, err := m.Start(t.Context(), Spec{ID: "one", Argv: sh("true")}); kind(err) != KindConflict {
		t.Errorf("start over an ended execution: %v", err)
	}
	if err := p.Remove(); err != nil {
		t.Fatal(err)
	}
	waitDone(t, start(t, m, Spec{ID: "one", Argv: sh("true")}))
}

func TestLimitsAndEnvironment(t *testing.T) {
	t.Setenv("AGATA_SECRET", "no")
	dir := t.TempDir()
	p := start(t, newManager(t), Spec{
		Dir: dir, Argv: sh(`sleep 0.1; ulimit -n; cat /proc/self/oom_score_adj; nice; pwd; echo "[$AGATA_SECRET]"; readlink /proc/self/fd/0`),
		Limits: Limits{OpenFiles: 77, OOMScoreAdj: 500, Nice: 3},
	})
	got := strings.Join(texts(collect(t, p), Stdout), " ")
	if want := "77 500 3 " + dir + " [] /dev/null"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
