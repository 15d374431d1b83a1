package bench

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed pika_peer.py
var pikaPeer []byte

// noPika is why the Python peers are left out.
const noPika = "no Python with pika: say which by --python"

// pikaPeers are two Python processes, one that serves and one that calls.
type pikaPeers struct {
	serve, call *exec.Cmd
	in          io.WriteCloser
	out         *bufio.Reader
	said        strings.Builder // on standard error, by the caller
}

// HasPika tells whether an interpreter can import pika.
func HasPika(ctx context.Context, python string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return exec.CommandContext(ctx, python, "-c", "import pika").Run() == nil
}

// startPika starts both; without an interpreter there are none, which is no error.
func (e *Env) startPika(ctx context.Context, p *place) (*pikaPeers, error) {
	if e.PikaPython == "" {
		e.say("LEFT OUT: the Python peers; %s", noPika)
		return nil, nil
	}
	script := filepath.Join(e.Dir, "pika_peer.py")
	if err := os.WriteFile(script, pikaPeer, 0o600); err != nil {
		return nil, err
	}
	const queue = "bench_pika"
	start := func(role string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, e.PikaPython, script, role, p.url(), queue)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.WaitDelay = 5 * time.Second
		return cmd
	}
	peers := &pikaPeers{serve: start("serve"), call: start("call")}
	ready, err := peers.serve.StdoutPipe()
	if err != nil {
		return nil, err
	}
	peers.serve.Stderr = &peers.said
	if err := peers.serve.Start(); err != nil {
		return nil, err
	}
	if line, err := bufio.NewReader(ready).ReadString('\n'); err != nil {
		_ = peers.serve.Wait() // it said why
		return nil, fmt.Errorf("the Python peer did not serve: %q, %w: %s", line, err, tail(peers.said.String()))
	}
	peers.call.Stderr = os.Stderr
	out, err := peers.call.StdoutPipe()
	if err == nil {
		peers.in, err = peers.call.StdinPipe()
	}
	if err == nil {
		err = peers.call.Start()
	}
	if err != nil {
		return nil, errors.Join(err, peers.close())
	}
	peers.out = bufio.NewReader(out)
	return peers, nil
}

func tail(text string) string { return text[max(0, len(text)-500):] }

// pika is a variant of callers in Python.
func (e *Env) pika(name string, peers *pikaPeers, mode string, callers int) Variant {
	if peers == nil {
		return Variant{Name: name, LeftOut: noPika}
	}
	return Variant{Name: name, Measure: func(context.Context) (Round, error) {
		order, err := json.Marshal(map[string]any{"mode": mode, "callers": callers, "seconds": e.Time.Seconds()})
		if err != nil {
			return Round{}, err
		}
		if _, err := peers.in.Write(append(order, '\n')); err != nil {
			return Round{}, err
		}
		line, err := peers.out.ReadBytes('\n')
		if err != nil {
			return Round{}, fmt.Errorf("the Python peer ended: %w", err)
		}
		var got struct {
			Calls   float64 `json:"calls"`
			Seconds float64 `json:"seconds"`
			P50     float64 `json:"p50_ms"`
			P99     float64 `json:"p99_ms"`
			Error   string  `json:"error"`
		}
		if err := json.Unmarshal(line, &got); err != nil {
			return Round{}, err
		}
		if got.Error != "" {
			return Round{}, fmt.Errorf("the Python peer: %s", got.Error)
		}
		return rates(got.Calls/got.Seconds, got.P50, got.P99), nil
	}}
}

func (p *pikaPeers) close() error {
	if p == nil {
		return nil
	}
	var err error
	if p.call.Process != nil {
		err = p.in.Close() // the end of its orders is its end
		err = errors.Join(err, p.call.Wait())
	}
	_ = p.serve.Process.Kill() // it serves for ever
	_ = p.serve.Wait()
	return err
}
