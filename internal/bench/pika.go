package bench

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed pika_peer.py
var pikaPeer []byte

// noPika is why the Python peers are left out.
const noPika = "no Python with pika: say which by --python"

// pikaPeers are two Python processes, one that serves and one that calls.
type pikaPeers struct {
	serve *exec.Cmd
	call  *peer
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
	role := func(name string) *exec.Cmd {
		return exec.CommandContext(ctx, e.PikaPython, script, name, p.url(), queue)
	}
	peers := &pikaPeers{serve: apart(role("serve"))}
	ready, err := peers.serve.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var said strings.Builder
	peers.serve.Stderr = &said
	if err := peers.serve.Start(); err != nil {
		return nil, err
	}
	if line, err := bufio.NewReader(ready).ReadString('\n'); err != nil {
		_ = peers.serve.Wait() // it said why
		return nil, fmt.Errorf("the Python peer did not serve: %q, %w: %s", line, err, tail(said.String()))
	}
	if peers.call, err = startPeer("the Python peer", role("call")); err != nil {
		return nil, errors.Join(err, peers.close())
	}
	return peers, nil
}

func tail(text string) string { return text[max(0, len(text)-500):] }

// pika is a variant of callers in Python.
func (e *Env) pika(name string, peers *pikaPeers, mode string, callers int) Variant {
	if peers == nil {
		return Variant{Name: name, LeftOut: noPika}
	}
	return Variant{Name: name, Measure: func(context.Context) (Round, error) { return peers.call.measure(mode, callers, e.Time) }}
}

func (p *pikaPeers) close() error {
	if p == nil {
		return nil
	}
	err := p.call.close()
	_ = p.serve.Process.Kill() // it serves for ever
	_ = p.serve.Wait()
	return err
}
