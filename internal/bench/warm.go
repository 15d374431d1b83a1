package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agata-fl/agata/experiments/tasks"
	"github.com/agata-fl/agata/internal/supervise/shim"
	"github.com/agata-fl/agata/pkg/contract"
)

// The figures of the warm bench.
const (
	toServer     = "to the server's process"
	toClient     = "to the client's process"
	toLine       = "to the client program's first line"
	toImported   = "to its imports done"
	toFirstRound = "to the first round reported"
	flowerStart  = "the real Flower task, from `task start`"
	cold, warm   = "cold", "warm"
)

// warmModules are what the Flower task imports.
const warmModules = "numpy,grpc,flwr.client.start_client,flwr.server.start_server"

func runWarm(ctx context.Context, e *Env) (r Result, err error) {
	r.About = "An operator starts the digits task (experiments/tasks/4fe5), whose server and one client are real Flower programs; the client is woken. Warm, both sides are taken over by interpreters that have imported " +
		warmModules + "; cold, the same programs do not ask for it. The same system runs both in turns, with both interpreters ready and waiting each time. The cloud's services are one process, the client's another."
	s, err := e.newSystem(ctx, e.Brokers[0])
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return r, err
	}
	s.set["tasks.warm"], s.set["log.level"], s.set["log.format"] = warmModules, "info", "text"
	if err := s.serveCloud(ctx); err != nil {
		return r, err
	}
	if err := s.serveClient(ctx); err != nil {
		return r, err
	}
	g, err := e.interleave(ctx, flowerStart,
		Variant{Name: cold, Measure: func(ctx context.Context) (Round, error) { return s.firstRound(ctx, false) }},
		Variant{Name: warm, Measure: func(ctx context.Context) (Round, error) { return s.firstRound(ctx, true) }})
	if err != nil {
		return r, err
	}
	r.Groups = append(r.Groups, g)
	goal := g.ratio("first round after `task start`, warm / cold", 0.3, toFirstRound, warm, cold)
	goal.Most = true
	r.Goals = append(r.Goals, goal.judged())
	return r, nil
}

// firstRound starts the Flower task and waits until its first round is reported.
func (s *system) firstRound(ctx context.Context, isWarm bool) (round Round, err error) {
	for _, p := range []*process{s.services, s.device} {
		if err := s.until(ctx, 5*patience, "an interpreter is warm", p.isWarm); err != nil {
			return round, err
		}
	}
	id, err := s.createFlower(ctx, isWarm)
	if err != nil {
		return round, err
	}
	began := time.Now()
	if err := s.startTask(ctx, id); err != nil {
		return round, err
	}
	spawned := time.Now() // the answer comes when the process is there
	line, err := s.noted(ctx, id, "start", 2*patience)
	if err != nil {
		return round, err
	}
	started, err := s.recorded(line.pid)
	if err != nil {
		return round, err
	}
	imported, err := s.noted(ctx, id, "imported", 2*patience)
	if err != nil {
		return round, err
	}
	server := filepath.Join(s.dir, "cloud", "cloud")
	reported, err := s.notedIn(ctx, server, id, "round", 2*patience)
	if err != nil {
		return round, err
	}
	for side, folder := range map[string]string{"client": filepath.Join(s.dir, "client", "client"), "server": server} {
		_, err := os.Stat(filepath.Join(folder, strings.Join([]string{"bench", id, "warm"}, ".")))
		if isWarm != (err == nil) {
			return round, fmt.Errorf("the %s of task %s: started warm is %t, want %t; %s", side, id, err == nil, isWarm, s.lastWords())
		}
	}
	for _, f := range []struct {
		name string
		at   time.Time
	}{{toServer, spawned}, {toClient, started}, {toLine, line.at}, {toImported, imported.at}, {toFirstRound, reported.at}} {
		round.Values = append(round.Values, Value{Name: f.name, Unit: "ms", Value: float64(f.at.Sub(began).Microseconds()) / 1e3})
	}
	if err := s.until(ctx, patience, "the task finishes", func() bool {
		time.Sleep(5 * time.Millisecond) // each look is a call
		t, err := ask(ctx, s.operator, contract.GetTask, contract.TaskIDRequest{TaskID: id})
		return err == nil && !bool(t.Running)
	}); err != nil {
		return round, err
	}
	return round, s.idle(ctx)
}

// recorded is when a process was started, by the record of the client's execution:
// that stays when the task has ended.
func (s *system) recorded(pid int) (started time.Time, err error) {
	paths, err := filepath.Glob(filepath.Join(s.dir, "client", "client-task-manager", "executions", "*", "record.json"))
	if err != nil {
		return started, err
	}
	for _, path := range paths {
		var record shim.Record
		text, err := os.ReadFile(path)
		if err == nil && json.Unmarshal(text, &record) == nil && record.Task.PID == pid && record.Started.After(started) {
			started = record.Started
		}
	}
	if started.IsZero() {
		return started, fmt.Errorf("no execution of the client records process %d; %s", pid, s.lastWords())
	}
	return started, nil
}

// createFlower registers the digits task, whose programs also note how far they are.
func (s *system) createFlower(ctx context.Context, isWarm bool) (id string, err error) {
	s.tasks++
	id = fmt.Sprint("t", s.tasks)
	m, err := tasks.Load("4fe5")
	if err != nil {
		return id, err
	}
	dir := filepath.Join(s.dir, "cloud", "cloud", "tasks", "task_"+id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return id, err
	}
	for _, name := range slices.Concat(m.ServerFiles, m.FilesPaths) {
		text, err := m.ReadFile(name)
		if err != nil {
			return id, err
		}
		noting, err := withNotes(name, string(text), isWarm)
		if err != nil {
			return id, err
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(noting), 0o644); err != nil {
			return id, err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return id, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return id, err
	}
	clientArguments := "--partition 0/4"
	_, err = ask(ctx, s.operator, contract.CreateTask, contract.CreateTaskRequest{
		TaskID: id, Host: "127.0.0.1", Port: port, Username: "user", Password: "secret", FilesPaths: m.FilesPaths,
		ServerArguments: "--rounds 1 --min-clients 1 --port " + strconv.Itoa(port), ClientArguments: &clientArguments,
	})
	return id, err
}

// withNotes adds to a program of the task that it notes its first line, whether it
// was warm then, that its imports are done, and its first round; and takes from a
// cold one that it asks to be warm.
func withNotes(name, text string, isWarm bool) (string, error) {
	const asks = "# agata: warm\n"
	var notes [][2]string
	switch name {
	case "client.py":
		notes = [][2]string{{`    side.event("Started client")` + "\n", `    note("imported", time.time())` + "\n"}}
	case "server.py":
		notes = [][2]string{{"        self.best = max(self.best, accuracy)\n", `        note("round", time.time())` + "\n"}}
	default:
		return text, nil
	}
	if !isWarm {
		notes = append(notes, [2]string{asks, ""})
	}
	for _, n := range notes {
		if strings.Count(text, n[0]) != 1 {
			return "", fmt.Errorf("%s of the digits task has changed: it holds %q %d times", name, n[0], strings.Count(text, n[0]))
		}
		after := n[0] + n[1]
		if n[0] == asks {
			after = ""
		}
		text = strings.Replace(text, n[0], after, 1)
	}
	return prelude + "note(\"start\", began)\nif \"flwr\" in sys.modules: note(\"warm\", began)\n" + text, nil
}
