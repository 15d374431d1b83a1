package tasks_test

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
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/experiments/tasks"
	"github.com/agata-fl/agata/pkg/taskreporter"
	"github.com/agata-fl/agata/pkg/taskreporter/python"
)

// site is where one task's processes run, laid out and started as AGATA does it.
type site struct {
	t      *testing.T
	m      tasks.Manifest
	python string
	work   string // holds config.ini, tasks/, and the reporter's packages in lib/
	port   string
}

func newSite(t *testing.T, id string) *site {
	t.Helper()
	interpreter := os.Getenv("AGATA_TEST_PYTHON")
	if interpreter == "" {
		t.Skip("AGATA_TEST_PYTHON names no Python that has experiments/requirements.txt installed; `make test` makes one")
	}
	m, err := tasks.Load(id)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, m: m, python: interpreter, work: t.TempDir(), port: freePort(t)}
	err = errors.Join(
		m.Install(s.path("server.py"), m.ServerFiles),
		m.Install(s.path("client.py"), m.FilesPaths),
		os.CopyFS(filepath.Join(s.work, "lib"), python.FS),
		os.WriteFile(filepath.Join(s.work, "config.ini"), []byte("[client.broker]\nhost=localhost\nport=8000\n"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// path is the folder of one side; a client has only what it downloads.
func (s *site) path(script string) string {
	side := strings.TrimSuffix(script, ".py")
	return filepath.Join(s.work, side, "tasks", "task_"+s.m.TaskID)
}

type process struct {
	*site
	cmd            *exec.Cmd
	reports        string // the file of AGATA_REPORTS
	stdout, stderr bytes.Buffer
}

// start runs server.py or client.py with the manifest's arguments, on this
// site's port; first is the work folder, or cli.
func (s *site) start(script, first string, more ...string) *process {
	s.t.Helper()
	arguments := s.m.ServerArguments
	if script == "client.py" {
		arguments = s.m.ClientArguments
	}
	_, own, _ := strings.Cut(s.m.ServerArguments, "--port ")
	own = strings.Fields(own)[0]
	args := append([]string{"-B", filepath.Join(s.path(script), script), first},
		strings.Fields(strings.ReplaceAll(arguments, own, s.port))...)
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	p := &process{site: s, reports: filepath.Join(s.t.TempDir(), "reports")}
	p.cmd = exec.CommandContext(ctx, s.python, append(args, more...)...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = s.work, &p.stdout, &p.stderr
	p.cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(s.work, "lib"),
		"FLWR_HOME="+filepath.Join(s.work, "flwr"), taskreporter.EnvReports+"="+p.reports)
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		cancel()
		_ = p.cmd.Wait() // a second Wait fails, which is fine
	})
	return p
}

// end waits for the process, checks its exit code, and returns its reports:
// "Finished", "model 1 0.9301 0.2210", "event task_client/main Started client" and so on.
func (p *process) end(code int) []string {
	p.t.Helper()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("%s of %s exited %d, want %d\n%s", filepath.Base(p.cmd.Args[2]), p.m.TaskID, got, code, &p.stderr)
	}
	lines, err := os.ReadFile(p.reports)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.t.Fatal(err)
	}
	var said []string
	for line := range bytes.Lines(lines) {
		report, ok := taskreporter.Parse(line)
		switch r := report.(type) {
		case taskreporter.Info:
			said = append(said, r.Text)
		case taskreporter.Model:
			said = append(said, "model "+r.Round+" "+r.Accuracy+" "+r.Loss)
		case taskreporter.Event:
			said = append(said, "event "+r.Service+"/"+r.Function+" "+r.Text)
		case taskreporter.Error:
			said = append(said, "error "+r.Exception)
		case taskreporter.Trigger:
			said = append(said, "trigger "+r.Name)
		default:
			p.t.Errorf("in the file of reports (report=%v): %s", ok, line)
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

// accuracies takes the models out of what a side said.
func accuracies(t *testing.T, said []string) (rest []string, all []string, last float64) {
	t.Helper()
	for _, s := range said {
		if !strings.HasPrefix(s, "model ") {
			rest = append(rest, s)
			continue
		}
		words := strings.Fields(s)
		if len(words) != 4 {
			t.Fatalf("%q is not a round, an accuracy and a loss", s)
		}
		_, accuracy, ok := taskreporter.Model{Round: words[1], Accuracy: words[2]}.Values()
		if loss, err := strconv.ParseFloat(words[3], 64); !ok || err != nil || loss <= 0 {
			t.Fatalf("%q is not a round, an accuracy and a loss", s)
		}
		all, last = append(all, "round "+words[1]+": accuracy "+words[2]+", loss "+words[3]), accuracy
	}
	return rest, all, last
}

var (
	serverDone = []string{"Started", "event task_server/main Started server", "trigger trigger_example",
		"event task_server/main Finished server", "Finished"}
	clientDone = []string{"Started", "event task_client/main Started client",
		"event task_client/main Finished client", "Finished"}
	clientGone = []string{"Started", "event task_client/main Started client", "event task_client/main Error!"}
)

func equal(t *testing.T, who string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s said (-want +got):\n%s", who, diff)
	}
}

// TestFlower4fe5 trains twice: once as AGATA runs it, once by hand, where nothing
// is reported and everything else must be the same.
func TestFlower4fe5(t *testing.T) {
	t.Parallel()
	s := newSite(t, "4fe5")
	server := s.start("server.py", s.work)
	clients := []*process{
		s.start("client.py", s.work, "--partition", "0/2"),
		s.start("client.py", s.work, "--partition", "1/2"),
	}
	rest, reported, last := accuracies(t, server.end(0))
	equal(t, "the server", serverDone, rest)
	if len(reported) != 3 || last < 0.85 {
		t.Errorf("the rounds gave %q; want three, and more than 0.85 in the end", reported)
	}
	for _, c := range clients {
		rest, own, last := accuracies(t, c.end(0))
		equal(t, "a client", clientDone, rest)
		if len(own) != 3 || last < 0.8 || slices.Equal(own, reported) {
			t.Errorf("a client's own rounds gave %q, the server's %q; want three, of its own data", own, reported)
		}
	}

	server = s.start("server.py", "cli")
	clients = []*process{
		s.start("client.py", "cli", "--partition", "1/2"),
		s.start("client.py", "cli", "--partition", "0/2"),
	}
	for _, p := range append(clients, server) {
		if said := p.end(0); said != nil {
			t.Errorf("started by hand, it reported %q", said)
		}
	}
	equal(t, "the server, by hand,", reported, strings.Split(strings.TrimSpace(server.stdout.String()), "\n"))
}

func TestFlowerErringClient(t *testing.T) {
	t.Parallel()
	s := newSite(t, "E")
	said := s.start("client.py", s.work).end(1)
	equal(t, "the client", append(slices.Clone(clientGone), "error this client was told to fail (test-error)"), said)
}

// TestFlowerLowThenHigh: spoilt data make low's server fail in the end, its
// clients are released as after any training, and high then learns.
func TestFlowerLowThenHigh(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"low", "high"} {
		s := newSite(t, id)
		server := s.start("server.py", s.work)
		clients := []*process{
			s.start("client.py", s.work, "--partition", "0/2"),
			s.start("client.py", s.work, "--partition", "1/2"),
		}
		for _, c := range clients {
			rest, _, _ := accuracies(t, c.end(0))
			equal(t, "a client of "+id, clientDone, rest)
		}
		if id == "high" {
			rest, _, last := accuracies(t, server.end(0))
			equal(t, "high's server", serverDone, rest)
			if last < 0.85 {
				t.Errorf("high ends with an accuracy of %v", last)
			}
			continue
		}
		rest, reported, last := accuracies(t, server.end(1))
		if len(reported) != 3 || last > 0.3 {
			t.Errorf("low's rounds gave %q; want three, all bad", reported)
		}
		if n := len(rest) - 1; n < 0 || !strings.HasPrefix(rest[n], "error accuracy stays low") {
			t.Errorf("low's server said %q, want an error about its accuracy last", rest)
		} else {
			equal(t, "low's server", []string{"Started", "event task_server/main Started server",
				"event task_server/main Ended server"}, rest[:n])
		}
	}
}

// TestFlowerServerAway: a server that is not there, is killed, or is told to
// stop is no failure of the client's code.
func TestFlowerServerAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, "C")
	equal(t, "the client without a server", clientGone, s.start("client.py", s.work, "--wait", "0.2").end(75))
	for _, signal := range []os.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		server := s.start("server.py", s.work, "--rounds", "100000")
		client := s.start("client.py", s.work)
		server.awaitRounds(2)
		if err := server.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		gone := time.Now()
		rest, _, _ := accuracies(t, client.end(75))
		equal(t, "the client", clientGone, rest)
		if took := time.Since(gone); took > 10*time.Second {
			t.Errorf("the client lingered for %v after its server got %v", took, signal)
		}
		_ = server.cmd.Wait()
	}
}

func TestFlowerPortInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t, "C")
	listener, err := net.Listen("tcp", "127.0.0.1:"+s.port)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	said := s.start("server.py", s.work).end(1)
	want := []string{"Started", "event task_server/main Started server", "event task_server/main Ended server",
		"error Port in server address 127.0.0.1:" + s.port + " is already in use."}
	equal(t, "the server", want, said)
}

// awaitRounds waits until the server has reported n rounds.
func (p *process) awaitRounds(n int) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		lines, err := os.ReadFile(p.reports)
		if err == nil && bytes.Count(lines, []byte(`"type":"model"`)) >= n {
			return
		}
	}
	p.t.Fatalf("the server reported no %d rounds\n%s", n, &p.stderr)
}

func TestTrigger(t *testing.T) {
	m, err := tasks.Load("4fe5")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := m.Install(dir, []string{"trigger_example.py"}); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "python3", filepath.Join(dir, "trigger_example.py"), "0.9385").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	note, err := os.ReadFile(filepath.Join(dir, "test_trigger"))
	if err != nil || string(note) != "0.9385\n" {
		t.Errorf("the trigger noted %q (%v), want its argument", note, err)
	}
}
