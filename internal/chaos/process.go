package chaos

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one of AGATA's own processes: it is started, killed and started
// again on the same folder.
type process struct {
	name   string
	binary string
	args   []string
	log    *os.File // of all its lives
	where  func(what, addr string)

	mu     sync.Mutex
	cmd    *exec.Cmd     // nil while it does not run
	ended  chan struct{} // closed when cmd has ended
	read   sync.WaitGroup
	since  time.Time // the last start, or the last time that it was let go on
	paused bool
	meant  bool // its end is meant
	err    error
}

// newProcess makes it; where is told each address that it says it is at.
func newProcess(name, logPath, binary string, args []string, where func(what, addr string)) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &process{name: name, binary: binary, args: args, log: log, where: where}, nil
}

func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return fmt.Errorf("%s runs already", p.name)
	}
	cmd := exec.Command(p.binary, p.args...)
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	// A group of its own: an interrupt at the terminal is for the harness, which
	// ends everything in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	fmt.Fprintf(p.log, "-- %s started %s, pid %d\n", time.Now().Format("15:04:05.000"), p.name, cmd.Process.Pid)
	ended := make(chan struct{})
	p.cmd, p.ended, p.since, p.paused, p.meant = cmd, ended, time.Now(), false, false
	p.read.Go(func() {
		p.follow(out)
		err := cmd.Wait()
		p.mu.Lock()
		if !p.meant {
			p.err = fmt.Errorf("%s ended by itself: %v; see %s", p.name, err, p.log.Name())
		}
		p.cmd = nil
		fmt.Fprintf(p.log, "-- %s %s ended: %v\n", time.Now().Format("15:04:05.000"), p.name, err)
		p.mu.Unlock()
		close(ended)
	})
	return nil
}

// follow writes what the process says to its log, and looks for addresses.
func (p *process) follow(out io.Reader) {
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		_, _ = io.WriteString(p.log, line) // the log is for people; a full disk shows elsewhere
		for _, what := range []string{"gateway", "files", "cloud broker"} {
			if rest, ok := strings.CutPrefix(line, what+" "); ok && p.where != nil {
				p.where(what, strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(rest), "http://"), "https://"))
			}
		}
		if err != nil {
			return
		}
	}
}

// signal sends one to the running process; false: it does not run.
func (p *process) signal(sig syscall.Signal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return false
	}
	switch sig {
	case syscall.SIGSTOP:
		p.paused = true
	case syscall.SIGCONT:
		p.paused, p.since = false, time.Now()
	default:
		p.meant = true
	}
	return p.cmd.Process.Signal(sig) == nil
}

// stop ends the process and waits for it; with SIGTERM for up to patience, then
// it is killed and that is an error.
func (p *process) stop(sig syscall.Signal, patience time.Duration) error {
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	if !p.signal(sig) {
		return nil
	}
	select {
	case <-ended:
		return nil
	case <-time.After(patience):
	}
	p.signal(syscall.SIGKILL)
	<-ended
	return fmt.Errorf("%s did not end within %s of %s", p.name, patience, sig)
}

// up tells since when the process has run undisturbed; false: it does not.
func (p *process) up() (since time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.since, p.cmd != nil && !p.paused
}

// failure is why it ended without having been told to; nil if it did not.
func (p *process) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// close ends it for good.
func (p *process) close() error {
	p.signal(syscall.SIGCONT)
	err := p.stop(syscall.SIGTERM, 40*time.Second)
	p.read.Wait()
	return errors.Join(err, p.log.Close())
}
