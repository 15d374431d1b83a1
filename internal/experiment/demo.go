package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/agata-fl/agata/experiments/tasks"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// demoLimit bounds the whole demonstration.
const demoLimit = 5 * time.Minute

// Demo shows the main job: a model learns on two clients; then a client's
// process is killed, and AGATA notices, explains and goes on. It ends with the
// timeline, the accuracy by round, and where everything was written.
//
// With Options.GoTask set the tasks are in Go, else they are real Flower.
func Demo(ctx context.Context, opt Options) (err error) {
	opt.Dir, opt.Logger = cmp.Or(opt.Dir, "demo"), silent(opt.Logger)
	opt.Interval = "2" // nobody likes to wait for a demonstration
	base := "4fe5"
	if opt.GoTask != "" {
		base = "gofedavg"
	}
	m, err := tasks.Load(base)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(opt.Dir); err != nil {
		return fmt.Errorf("empty %s: %w", opt.Dir, err)
	}
	dir, err := filepath.Abs(opt.Dir)
	if err != nil {
		return err
	}
	opt.Dir = dir
	visit := ctx
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	d := &demo{opt: opt}
	d.say("Starting a cloud (gateway, user manager, task manager) with its broker ...")
	if d.l, err = newLab(ctx, opt, filepath.Join(dir, "state")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.l.close()) }()
	d.say("Watch it in a browser: %s/", d.l.cloud.GatewayURL())
	if err := d.learn(d.l.ctx, m); err != nil {
		return fmt.Errorf("the first act: %w", err)
	}
	if err := d.recover(d.l.ctx, m); err != nil {
		return fmt.Errorf("the second act: %w", err)
	}
	if err := d.curtain(); err != nil || !opt.Stay {
		return err
	}
	d.say("It stays up: %s/timeline shows what happened; Ctrl-C ends it", d.l.cloud.GatewayURL())
	<-visit.Done()
	return nil
}

type demo struct {
	opt     Options
	l       *lab
	clients []*config.Config
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.opt.People, "\n== "+format+"\n", args...)
}

// variant is the task under another id and with other arguments of its server.
func variant(m tasks.Manifest, id, arguments string) tasks.Manifest {
	m.TaskID, m.Base = id, cmp.Or(m.Base, m.TaskID)
	m.ServerArguments = fmt.Sprintf("--port %d %s", portOf(m), arguments)
	return m
}

// learn is the first act: two clients join a task, and its model learns.
func (d *demo) learn(ctx context.Context, m tasks.Manifest) error {
	d.say("Creating task %s (%s), uploading its files and starting its server ...", m.TaskID, m.Description)
	if _, err := d.l.launch(ctx, variant(m, m.TaskID, "--rounds 5 --min-clients 2")); err != nil {
		return err
	}
	d.say("Starting two clients, each with its broker, gateway and task manager; they ask for work ...")
	for i := range 2 {
		cfg, err := d.l.startClient(i + 1)
		if err != nil {
			return err
		}
		d.clients = append(d.clients, cfg)
	}
	for n := 1; ; n++ {
		e, err := d.l.next(ctx, n, func(e contract.Event) bool {
			return e.Function == "model" || e.Event == "Finished server" || e.Event == "Ended server"
		})
		if err != nil {
			return err
		}
		if e.Function != "model" {
			break
		}
		fmt.Fprintf(d.opt.People, "   %s\n", strings.ToLower(e.Event))
	}
	return d.l.await(ctx, 2, fmt.Sprintf("Finished handling task %s finalization", m.TaskID))
}

// recover is the second act: a client's process is killed.
func (d *demo) recover(ctx context.Context, m tasks.Manifest) error {
	long, next := m.TaskID+"-long", m.TaskID+"-next"
	d.say("Starting two more tasks: %s, which both clients join, and %s behind it ...", long, next)
	if _, err := d.l.launch(ctx, variant(m, long, "--rounds 1000 --min-clients 1 --pause 0.2")); err != nil {
		return err
	}
	if _, err := d.l.launch(ctx, variant(m, next, "--rounds 3 --min-clients 1")); err != nil {
		return err
	}
	pid, err := d.pid(ctx, long)
	if err != nil {
		return err
	}
	d.say("Killing process %d (kill -9): %s's side of %s ...", pid, d.clients[0].Info.UserID, long)
	killed := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %d: %w", pid, err)
	}
	e, err := d.l.next(ctx, 1, timeline.Text("Started handling error from task "+long))
	if err != nil {
		return err
	}
	fmt.Fprintf(d.opt.People, "   noticed after %.0f ms\n", (e.Time-float64(killed.UnixNano())/1e9)*1e3)
	if err := d.explain(ctx, long); err != nil {
		return err
	}
	if err := d.l.await(ctx, 1, fmt.Sprintf("Finished handling task %s finalization", next)); err != nil {
		return err
	}
	fmt.Fprintf(d.opt.People, "   meanwhile the client went on with %s, and finished it\n", next)
	d.say("Releasing %s from quarantine on that client, and stopping it at the cloud ...", long)
	if err := d.client(ctx, func(ctx context.Context, c rpc.Caller) error {
		_, err := rpc.Call(ctx, c, contract.ReleaseTask, contract.TaskIDRequest{TaskID: long})
		return err
	}); err != nil {
		return err
	}
	_, err = rpc.Call(ctx, d.l.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: long})
	return err
}

// client calls the first client's task manager.
func (d *demo) client(ctx context.Context, fn func(context.Context, rpc.Caller) error) error {
	t, err := d.l.dial(d.clients[0].ClientBroker)
	if err != nil {
		return err
	}
	return t.With(ctx, func(ctx context.Context) error { return fn(ctx, t) })
}

func (d *demo) state(ctx context.Context) (st contract.ClientState, err error) {
	err = d.client(ctx, func(ctx context.Context, c rpc.Caller) error {
		st, err = rpc.Call(ctx, c, contract.ClientStatus, contract.None{})
		return err
	})
	return st, err
}

// pid waits until the first client's side of a task runs and has said so.
func (d *demo) pid(ctx context.Context, task string) (int, error) {
	for {
		st, err := d.state(ctx)
		if err != nil {
			return 0, err
		}
		for _, e := range st.Running {
			if e.TaskID == task && time.Since(time.UnixMilli(int64(e.Started*1e3))) > 4*time.Second {
				return e.PID, nil
			}
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for the client's side of %s: %w", task, context.Cause(ctx))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// explain says why the client does not run the task any more.
func (d *demo) explain(ctx context.Context, task string) error {
	st, err := d.state(ctx)
	if err != nil {
		return err
	}
	for _, q := range st.Quarantined {
		if q.TaskID == task {
			fmt.Fprintf(d.opt.People, "   %s is in quarantine on %s: reason %s, until %s, new files, or a release\n",
				task, st.UserID, q.Reason, time.Unix(int64(q.Until), 0).Format(time.TimeOnly))
		}
	}
	return nil
}

// curtain prints what happened and where it was written.
func (d *demo) curtain() error {
	events := d.l.events()
	file := filepath.Join(d.opt.Dir, "events.json")
	if err := timeline.WriteFile(file, events); err != nil {
		return err
	}
	d.say("Timeline (%d events in all; those of tasks and processes)", len(events))
	for _, e := range events {
		if told(e) {
			fmt.Fprintf(d.opt.Out, "%9.3f s  %-22s %s\n", e.Time-d.l.began, e.Service, e.Event)
		}
	}
	d.say("Accuracy by round")
	for _, e := range events {
		if e.Function == "model" && e.Time < d.end(events) {
			fmt.Fprintf(d.opt.Out, "   %s\n", strings.ToLower(e.Event))
		}
	}
	d.say("Everything was written to %s", d.opt.Dir)
	for _, what := range [][2]string{
		{"events.json", "the timeline, as JSON"},
		{"state/cloud", "the cloud's records, and its tasks' files and output"},
		{"state/client-1, client-2", "the clients' records, and their tasks' files and output"},
	} {
		fmt.Fprintf(d.opt.People, "   %-26s %s\n", what[0], what[1])
	}
	return nil
}

// end is when the first act's server finished.
func (d *demo) end(events []contract.Event) float64 {
	for _, e := range events {
		if e.Event == "Finished server" {
			return e.Time + 1
		}
	}
	return 0
}

// told picks the events that tell the story, among those that measure it.
func told(e contract.Event) bool {
	for _, part := range []string{"redirecting", "querying", "updating user", "client stats", "requesting task", "responding", "downloading"} {
		if strings.Contains(e.Event, part) {
			return false
		}
	}
	return !strings.HasSuffix(e.Function, "_time") && e.Function != "model"
}
