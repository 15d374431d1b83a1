package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// peer is a program of another kind that calls by itself: it reads orders, a line of
// JSON each, and answers each with what it measured.
type peer struct {
	what string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// apart is how a peer's process runs: an interrupt at the terminal is for the bench.
func apart(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr, cmd.WaitDelay = &syscall.SysProcAttr{Setpgid: true}, 5*time.Second
	return cmd
}

func startPeer(what string, cmd *exec.Cmd) (*peer, error) {
	p := &peer{what: what, cmd: apart(cmd)}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		p.in, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", what, err)
	}
	p.out = bufio.NewReader(out)
	return p, nil
}

// measure has it call for a while.
func (p *peer) measure(mode string, callers int, over time.Duration) (Round, error) {
	order, err := json.Marshal(map[string]any{"mode": mode, "callers": callers, "seconds": over.Seconds()})
	if err != nil {
		return Round{}, err
	}
	if _, err := p.in.Write(append(order, '\n')); err != nil {
		return Round{}, fmt.Errorf("%s takes no orders: %w", p.what, err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return Round{}, fmt.Errorf("%s ended: %w", p.what, err)
	}
	var got struct {
		Calls   float64 `json:"calls"`
		Seconds float64 `json:"seconds"`
		P50     float64 `json:"p50_ms"`
		P99     float64 `json:"p99_ms"`
		CPU     float64 `json:"cpu_us"` // a call; 0: it does not tell
		Error   string  `json:"error"`
	}
	if err := json.Unmarshal(line, &got); err != nil {
		return Round{}, fmt.Errorf("%s answered %.200q: %w", p.what, line, err)
	}
	if got.Error != "" {
		return Round{}, fmt.Errorf("%s: %s", p.what, got.Error)
	}
	r := rates(got.Calls/got.Seconds, got.P50, got.P99)
	if got.CPU > 0 {
		r.Values = append(r.Values, Value{Name: figureCPU, Unit: "µs", Value: got.CPU})
	}
	return r, nil
}

// close ends it: the end of its orders is its end.
func (p *peer) close() error {
	if p == nil {
		return nil
	}
	return errors.Join(p.in.Close(), p.cmd.Wait())
}
