package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/taskreporter"
)

// process is one side, started as a manager starts it.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

func start(t *testing.T, role string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), role)
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	p := &process{cmd: exec.CommandContext(ctx, program, args...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AGATA_") })
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = p.cmd.Wait() // a second Wait fails, which is fine
	})
	return p
}

// end waits for the process, checks its exit code, and returns what it said as
// words: "Finished", "model 1", "event Started client", "error TEXT".
func (p *process) end(t *testing.T, code int) []string {
	t.Helper()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("%s exited %d, want %d\n%s", filepath.Base(p.cmd.Path), got, code, &p.stderr)
	}
	var said []string
	for line := range bytes.Lines(p.stdout.Bytes()) {
		report, ok := taskreporter.Parse(line)
		switch r := report.(type) {
		case taskreporter.Info:
			said = append(said, r.Text)
		case taskreporter.Model:
			if _, accuracy, ok := r.Values(); !ok || accuracy < 0 || accuracy > 1 {
				t.Errorf("an accuracy of %s", r.Accuracy)
			}
			if loss, err := strconv.ParseFloat(r.Loss, 64); err != nil || loss <= 0 {
				t.Errorf("a loss of %s", r.Loss)
			}
			said = append(said, "model "+r.Round)
		case taskreporter.Event:
			said = append(said, "event "+r.Text)
		case taskreporter.Error:
			said = append(said, "error "+r.Exception)
		default:
			t.Errorf("report=%v: %s", ok, line)
		}
	}
	return said
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func same(t *testing.T, who string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s said\n%q, want\n%q", who, got, want)
	}
}

func TestServerAndTwoClients(t *testing.T) {
	port := freePort(t)
	clients := []*process{ // first, so that they have to wait for the server
		start(t, "client", "work", "--server", "127.0.0.1:"+port, "--partition", "0/2"),
		start(t, "client", "work", "--server", "127.0.0.1:"+port, "--partition", "1/2"),
	}
	server := start(t, "server", "work", "--port", port, "--rounds", "2", "--min-accuracy", "0.85")
	same(t, "the server", server.end(t, 0),
		"Started", "event Started server", "model 1", "model 2", "event Finished server", "Finished")
	for _, c := range clients {
		same(t, "a client", c.end(t, 0), "Started", "event Started client", "model 1", "model 2", "event Finished client", "Finished")
	}
}

func TestByHandNothingIsReported(t *testing.T) {
	port := freePort(t)
	server := start(t, "server", "cli", "--port", port, "--rounds", "1", "--min-clients", "1")
	client := start(t, "client", "cli", "--server", "127.0.0.1:"+port)
	same(t, "the server", server.end(t, 0))
	same(t, "the client", client.end(t, 0))
	if !strings.Contains(server.stderr.String(), "round 1: accuracy") {
		t.Errorf("the person who started it sees no accuracy: %q", &server.stderr)
	}
}

func TestSpoiltDataFailTheServerAndReleaseItsClients(t *testing.T) {
	port := freePort(t)
	server := start(t, "server", "work", "--port", port, "--rounds", "9", "--min-clients", "1",
		"--min-accuracy", "0.7", "--patience", "2")
	client := start(t, "client", "work", "--server", "127.0.0.1:"+port, "--shuffle-labels")
	said := server.end(t, 1)
	if last := said[len(said)-1]; !strings.HasPrefix(last, "error accuracy stays low") {
		t.Errorf("the server's last words are %q", last)
	}
	same(t, "the server", said[:len(said)-1],
		"Started", "event Started server", "model 1", "model 2", "event Ended server")
	same(t, "the client", client.end(t, 0), "Started", "event Started client", "model 1", "model 2", "event Finished client", "Finished")
}

func TestAClientsFailures(t *testing.T) {
	same(t, "a client told to fail", start(t, "client", "work", "test-error").end(t, exitFailed),
		"Started", "event Started client", "event Error!", "error "+errTold.Error())
	nowhere := "127.0.0.1:" + freePort(t)
	same(t, "a client without a server",
		start(t, "client", "work", "--server", nowhere, "--wait", "0.2").end(t, exitTempFail),
		"Started", "event Started client", "event Error!")
	same(t, "a client with a wrong flag", start(t, "client", "work", "--port", "1").end(t, exitUsage))
}

// TestAServerThatGoesAwayIsTriedAgain: what a client sees of a killed server is a closed connection.
func TestAServerThatGoesAwayIsTriedAgain(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client := start(t, "client", "work", "--server", server.Addr().String())
	conn, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	if err := newPeer(conn).receive(&hello{}, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	same(t, "the client", client.end(t, exitTempFail), "Started", "event Started client", "event Error!")
}

func TestAPortInUseIsTheServersError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	said := start(t, "server", "work", "--port", port).end(t, exitFailed)
	if last := said[len(said)-1]; !strings.HasPrefix(last, "error ") || !strings.Contains(last, "in use") {
		t.Errorf("the server's last words are %q, want an error about the port", last)
	}
}
