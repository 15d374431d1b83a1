package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// system is a cloud and a client in processes of their own.
type system struct {
	e             *Env
	dir           string
	cloud, client *place
	set           map[string]string
	closers       []func() error

	services, device *process         // the cloud's, and the client's
	operator         *amqpx.Transport // at the cloud's broker
	asker            *amqpx.Transport // at the client's
	tasks            int
}

// newSystem has brokers and no process yet. It must be closed, also after an error.
func (e *Env) newSystem(ctx context.Context, b *Broker) (s *system, err error) {
	s = &system{e: e, set: map[string]string{
		"broker.mode": "external", "server.gateway.port": "0", "server.files.port": "0", "tasks.python": e.Python, "log.level": "warn",
		"client.info.user_id": "ada", "client.params.request_interval": "60", // only a wake can be the cause of what happens soon
	}}
	if s.dir, err = os.MkdirTemp(e.Dir, "system-"); err != nil {
		return s, err
	}
	for side, p := range map[string]**place{"server": &s.cloud, "client": &s.client} {
		if *p, err = b.open(ctx); err != nil {
			return s, err
		}
		s.closers = append(s.closers, (*p).close)
		(*p).settings(side, s.set)
	}
	for _, c := range []struct {
		at *place
		t  **amqpx.Transport
	}{{s.cloud, &s.operator}, {s.client, &s.asker}} {
		t, stop, err := c.at.transport(ctx, "operator")
		if err != nil {
			return s, err
		}
		*c.t, s.closers = t, append(s.closers, stop)
	}
	return s, nil
}

// close ends everything, last things first.
func (s *system) close() (err error) {
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i]())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// serve starts services in one process and waits until they are up. Tasks end with
// the process.
func (s *system) serve(ctx context.Context, folder string, names ...string) (*process, error) {
	p, err := s.e.start(filepath.Join(s.dir, folder), s.set, append([]string{"serve", "--keep-tasks=false"}, names...)...)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, p.stop)
	return p, p.ready(ctx)
}

// serveCloud starts the cloud's services, and leads the client to them.
func (s *system) serveCloud(ctx context.Context) (err error) {
	if s.services, err = s.serve(ctx, "cloud", "user-manager", "cloud-task-manager", "cloud-gateway"); err != nil {
		return err
	}
	s.set["server.gateway.url"], s.set["server.files.url"] = s.services.at("gateway"), s.services.at("files")
	return nil
}

// serveClient starts the client's services and waits until a wake reaches it.
func (s *system) serveClient(ctx context.Context) (err error) {
	if s.device, err = s.serve(ctx, "client", "client-gateway", "client-task-manager"); err != nil {
		return err
	}
	return s.until(ctx, patience, "the client hears of a task at once", func() bool {
		id, err := s.create(ctx, waits)
		if err == nil {
			err = s.startTask(ctx, id)
		}
		if err != nil {
			return false
		}
		_, err = s.execution(ctx, id, time.Second)
		return s.stopTask(ctx, id) == nil && err == nil
	})
}

// The programs of tasks: waits notes that it runs, and does nothing more; fails also
// reports an error at SIGUSR1.
const (
	prelude = `import os, signal, sys, time
began = time.time()
def note(what, at):
    path = os.path.join(sys.argv[1], ".".join(("bench", os.environ["AGATA_TASK_ID"], what)))
    with open(path + "~", "w") as f: f.write("%d %f" % (os.getpid(), at))
    os.rename(path + "~", path)
`
	waits = prelude + `note("start", began)
while True: signal.pause()
`
	fails = prelude + `def fail(*_):
    note("error", time.time()) # first: the line is its end
    os.write(1, b'{"type": "error", "exception": "Error!"}\n')
signal.signal(signal.SIGUSR1, fail)
note("start", began)
while True: signal.pause()
`
	quiet = "import signal\nwhile True: signal.pause()\n" // the server's side
)

// create registers a task with a program for its client's side.
func (s *system) create(ctx context.Context, program string, more ...string) (id string, err error) {
	s.tasks++
	id = fmt.Sprint("t", s.tasks)
	dir := filepath.Join(s.dir, "cloud", "cloud", "tasks", "task_"+id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return id, err
	}
	for name, text := range map[string]string{"server.py": quiet, "client.py": program} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return id, err
		}
	}
	_, err = ask(ctx, s.operator, contract.CreateTask, contract.CreateTaskRequest{
		TaskID: id, Host: "127.0.0.1", Port: 1, Username: "user", Password: "secret", FilesPaths: append([]string{"client.py"}, more...)})
	return id, err
}

func (s *system) startTask(ctx context.Context, id string) error {
	_, err := ask(ctx, s.operator, contract.StartServerTask, contract.StartTaskRequest{TaskID: id})
	return err
}

func (s *system) stopTask(ctx context.Context, id string) error {
	_, err := ask(ctx, s.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: id})
	return err
}

// ask calls a function as an operator does.
func ask[Req, Resp any](ctx context.Context, t *amqpx.Transport, fn contract.Function[Req, Resp], req Req) (Resp, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return rpc.Call(ctx, t, fn, req)
}

// note is what a task's program noted.
type note struct {
	pid int
	at  time.Time
}

// noted waits until the client's side of a task has noted something.
func (s *system) noted(ctx context.Context, id, what string, within time.Duration) (n note, err error) {
	return s.notedIn(ctx, filepath.Join(s.dir, "client", "client"), id, what, within)
}

// notedIn does so for the side whose work folder is named.
func (s *system) notedIn(ctx context.Context, work, id, what string, within time.Duration) (n note, err error) {
	path := filepath.Join(work, strings.Join([]string{"bench", id, what}, "."))
	err = s.until(ctx, within, fmt.Sprintf("task %s notes its %s", id, what), func() bool {
		b, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		pid, at, _ := strings.Cut(string(b), " ")
		seconds, err := strconv.ParseFloat(at, 64)
		if err != nil {
			return false
		}
		n.at = moment(seconds)
		n.pid, err = strconv.Atoi(pid)
		return err == nil
	})
	return n, err
}

// state is what the client does.
func (s *system) state(ctx context.Context) (contract.ClientState, error) {
	return ask(ctx, s.asker, contract.ClientStatus, contract.None{})
}

// execution is a task's execution as the client tells of it, which may be a moment
// after its program's first line.
func (s *system) execution(ctx context.Context, id string, within time.Duration) (found contract.Execution, err error) {
	err = s.until(ctx, within, fmt.Sprintf("the client tells that it runs task %s", id), func() bool {
		state, err := s.state(ctx)
		at := slices.IndexFunc(state.Running, func(e contract.Execution) bool { return e.TaskID == id })
		if err != nil || at < 0 {
			return false
		}
		found = state.Running[at]
		return true
	})
	return found, err
}

func moment(unix float64) time.Time { return time.UnixMicro(int64(unix * 1e6)) }

// until waits for something, looking for it each half millisecond.
func (s *system) until(ctx context.Context, within time.Duration, what string, ok func() bool) error {
	for end := time.Now().Add(within); !ok(); {
		if time.Now().After(end) {
			return fmt.Errorf("did not happen within %s: %s; %s", within, what, s.lastWords())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Microsecond):
		}
	}
	return nil
}

// lastWords is what the processes said last.
func (s *system) lastWords() string {
	var words []string
	for _, p := range []*process{s.services, s.device} {
		if p != nil {
			words = append(words, p.tail())
		}
	}
	return strings.Join(words, "\n")
}
