package fleet

import (
	"bufio"
	"context"
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

// stopTime is how long a process may take to end before it is killed.
const stopTime = 40 * time.Second

// process is one of the agata binary's.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   *os.File
	in    io.WriteCloser // of a crowd
	out   *bufio.Reader  // of a crowd
	where chan string    // gets the address that it says it is at
	ended chan struct{}
	err   error // once ended
}

// launch starts a process whose stderr goes to a log file, and that says where it
// is to be found on a line that begins with at, unless that is "". A crowd is
// talked to over its stdin and stdout.
func launch(name, logPath, binary, at string, crowd bool, args ...string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: exec.Command(binary, args...), log: log, where: make(chan string, 1), ended: make(chan struct{})}
	// A group of its own: an interrupt at the terminal is for the harness.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	said, err := p.cmd.StderrPipe()
	if crowd && err == nil {
		var out io.ReadCloser
		out, err = p.cmd.StdoutPipe()
		p.out = bufio.NewReaderSize(out, 1<<20)
		if err == nil {
			p.in, err = p.cmd.StdinPipe()
		}
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	go p.follow(said, at)
	return p, nil
}

// follow keeps what the process says, and waits for its end.
func (p *process) follow(said io.Reader, at string) {
	defer close(p.ended)
	lines := bufio.NewReader(said)
	for {
		line, err := lines.ReadString('\n')
		_, _ = io.WriteString(p.log, line) // for people; a full disk shows elsewhere
		if rest, ok := strings.CutPrefix(line, at+" "); ok && at != "" {
			select {
			case p.where <- strings.TrimPrefix(strings.TrimSpace(rest), "http://"):
			default:
			}
		}
		if err != nil {
			break
		}
	}
	p.err = errors.Join(p.cmd.Wait(), p.log.Close())
}

// address waits until the process has said where it is.
func (p *process) address(ctx context.Context) (string, error) {
	select {
	case addr := <-p.where:
		return addr, nil
	case <-p.ended:
		return "", fmt.Errorf("%s ended at its start (%v); see %s", p.name, p.err, p.log.Name())
	case <-ctx.Done():
		return "", fmt.Errorf("%s did not start in time; see %s: %w", p.name, p.log.Name(), context.Cause(ctx))
	}
}

// ask writes a line to a crowd and returns the line that it answers.
func (p *process) ask(line string) ([]byte, error) {
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		return nil, fmt.Errorf("%s takes no orders: %w", p.name, err)
	}
	answer, err := p.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("%s does not answer; see %s: %w", p.name, p.log.Name(), err)
	}
	return answer, nil
}

// failure tells that the process has ended by itself.
func (p *process) failure() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended by itself (%v); see %s", p.name, p.err, p.log.Name())
	default:
		return nil
	}
}

// stop ends the process and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // one that has ended needs none
	kill := time.AfterFunc(stopTime, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	<-p.ended
}

// stopAll ends processes at once.
func stopAll(list []*process) {
	var ending sync.WaitGroup
	for _, p := range list {
		ending.Go(p.stop)
	}
	ending.Wait()
}
