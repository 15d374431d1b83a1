package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long anything may take that is not measured.
const patience = time.Minute

// process is the command agata in a process of its own.
type process struct {
	cmd   *exec.Cmd
	up    chan struct{} // closed when it says that it is up
	ended chan struct{}
	err   error // of its end; read it after ended

	mu    sync.Mutex
	where map[string]string // what it says where it is: "gateway", "files", ...
	said  []string          // its last lines
	warm  bool              // an interpreter waits for a task
}

// start runs agata with settings on a data folder.
func (e *Env) start(data string, set map[string]string, args ...string) (*process, error) {
	args = append(args, "--data", data)
	for key, value := range set {
		args = append(args, "--set", key+"="+value)
	}
	cmd := exec.Command(e.Binary, args...)
	// A group of its own: an interrupt at the terminal is for the bench, which ends
	// everything in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Dir = filepath.Dir(data)
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, up: make(chan struct{}), ended: make(chan struct{}), where: map[string]string{}}
	go func() {
		defer close(p.ended)
		up := sync.OnceFunc(func() { close(p.up) })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if p.take(lines.Text()) {
				up()
			}
		}
		p.err = cmd.Wait()
	}()
	return p, nil
}

// take notes a line; the one with the data folder is the last about where things are.
func (p *process) take(line string) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said = append(p.said, line); len(p.said) > 20 {
		p.said = p.said[1:]
	}
	switch { // by its log
	case strings.Contains(line, "an interpreter is warm"):
		p.warm = true
	case strings.Contains(line, "warm=true"):
		p.warm = false
	}
	for _, what := range []string{"gateway", "files", "data", "cloud broker", "client broker"} {
		if rest, ok := strings.CutPrefix(line, what+" "); ok && !strings.Contains(line, "=") {
			p.where[what] = strings.TrimSpace(rest)
			return what == "data"
		}
	}
	return false
}

// isWarm tells whether an interpreter waits for a task.
func (p *process) isWarm() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.warm
}

// at is where it said that something is.
func (p *process) at(what string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.where[what]
}

// ready waits until it is up.
func (p *process) ready(ctx context.Context) error {
	select {
	case <-p.up:
		return nil
	case <-p.ended:
		return fmt.Errorf("agata ended before it was up: %w: %s", p.err, p.tail())
	case <-time.After(patience):
		return fmt.Errorf("agata was not up within %s: %s", patience, p.tail())
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *process) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n")
}

// kill ends it as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// stop ends it in order.
func (p *process) stop() error {
	select {
	case <-p.ended:
		if _, killed := errors.AsType[*exec.ExitError](p.err); killed && p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
			return nil // by kill
		}
		return p.err
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may just have ended
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.kill()
		return fmt.Errorf("agata did not end within %s: %s", patience, p.tail())
	}
	if p.err != nil {
		return fmt.Errorf("agata ended with %w: %s", p.err, p.tail())
	}
	return nil
}

// processorTime is what all its threads that live have used so far, to the
// nanosecond: what the kernel tells of a whole process is in hundredths of a second.
func (p *process) processorTime() (total time.Duration, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		ran, _, _ := strings.Cut(string(b), " ")
		ns, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s holds %q", name, b)
		}
		total += time.Duration(ns)
	}
	if len(files) == 0 {
		return 0, fmt.Errorf("process %d has ended", p.cmd.Process.Pid)
	}
	return total, nil
}

// memory is what it holds, in bytes: all of it, and without the pages of files, such
// as of the program itself.
func (p *process) memory() (all, own float64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		kib, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "VmRSS:":
			all = kib * 1024
		case "RssAnon:":
			own = kib * 1024
		}
	}
	return all, own, nil
}

// alive tells whether a process runs; one that only waits to be buried does not.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	return len(fields) > 0 && fields[0] != "Z" && fields[0] != "X"
}
