package fleet

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Embedded is the broker of the agata binary, as [Options].Broker names it.
const Embedded = "embedded"

// The processes of a cloud, as reports name them.
const (
	broker      = "broker"
	users       = "user-manager"
	tasks       = "cloud-task-manager"
	gateway     = "cloud-gateway"
	upTime      = 2 * time.Minute
	shell       = "/bin/sh" // runs the servers of tasks, which only sleep
	sleepServer = "exec sleep 1000000\n"
)

// CloudOptions say how a cloud is to be. Binary and Dir are required.
type CloudOptions struct {
	Binary   string
	Dir      string   // of all state and logs
	Broker   string   // [Embedded], or the amqp URL of one that runs
	Settings []string // further ones of all services, section.key=value
	Profiles bool     // each process writes NAME.pprof into Dir at its end
}

// Cloud is a broker and the cloud's services, each a process of its own.
type Cloud struct {
	opt       CloudOptions
	processes []*process // in the order of their start
	Gateway   string     // its URL
	Broker    *url.URL
}

// StartCloud starts a cloud and waits until it is up. It must be stopped, also
// after an error.
func StartCloud(ctx context.Context, opt CloudOptions) (*Cloud, error) {
	c := &Cloud{opt: opt}
	ctx, cancel := context.WithTimeoutCause(ctx, upTime, fmt.Errorf("the cloud was not up within %s", upTime))
	defer cancel()
	if opt.Broker == Embedded {
		addr, err := c.add(ctx, broker, "cloud broker", "broker", "--set", "server.broker.host=127.0.0.1", "--set", "server.broker.port=0", "--set", "client.broker.port=0")
		if err != nil {
			return c, err
		}
		c.Broker = &url.URL{Scheme: "amqp", User: url.UserPassword("guest", "guest"), Host: addr, Path: "/"}
	} else {
		at, err := url.Parse(opt.Broker)
		if err != nil || at.Scheme != "amqp" || at.Port() == "" {
			return c, fmt.Errorf("the broker %q is neither %q nor a URL like amqp://guest:guest@localhost:5672/", opt.Broker, Embedded)
		}
		c.Broker = at
	}
	for _, service := range []string{users, tasks, gateway} {
		addr, err := c.add(ctx, service, map[string]string{users: "data", tasks: "files", gateway: "gateway"}[service], slices.Concat([]string{"serve", service, "--keep-tasks=false"}, c.settings())...)
		if err != nil {
			return c, err
		}
		if service == gateway {
			c.Gateway = "http://" + addr
		}
	}
	return c, nil
}

// settings are those of every service.
func (c *Cloud) settings() []string {
	password, _ := c.Broker.User.Password()
	host, port, _ := net.SplitHostPort(c.Broker.Host)
	var args []string
	for _, s := range slices.Concat([]string{
		"broker.mode=external", "server.broker.host=" + host, "server.broker.port=" + port, "server.broker.vhost=" + c.vhost(),
		"server.broker.user=" + c.Broker.User.Username(), "server.broker.password=" + password,
		"server.gateway.port=0", "server.files.port=0", "tasks.python=" + shell, "tasks.work_cloud=" + c.work(),
	}, c.opt.Settings) {
		args = append(args, "--set", s)
	}
	return args
}

// vhost is the broker's, as the URL names it: one of no path is "/".
func (c *Cloud) vhost() string {
	if len(c.Broker.Path) > 1 {
		return c.Broker.Path[1:]
	}
	return "/"
}

func (c *Cloud) work() string { return filepath.Join(c.opt.Dir, "work") }

// add starts a process and waits until it is up.
func (c *Cloud) add(ctx context.Context, name, at string, args ...string) (string, error) {
	args = append(args, "--data", filepath.Join(c.opt.Dir, name), "--set", "log.format=text", "--set", "log.level=warn")
	if c.opt.Profiles {
		args = append(args, "--cpuprofile", filepath.Join(c.opt.Dir, name+".pprof"))
	}
	p, err := launch(name, filepath.Join(c.opt.Dir, name+".log"), c.opt.Binary, at, false, args...)
	if err != nil {
		return "", err
	}
	c.processes = append(c.processes, p)
	return p.address(ctx)
}

// program puts a task's files where an upload puts them.
func (c *Cloud) program(task string) error {
	dir := filepath.Join(c.work(), "tasks", "task_"+task)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"server.py", "client.py"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(sleepServer), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// usage is what each process uses, by its name.
func (c *Cloud) usage() (map[string]Usage, error) {
	all := map[string]Usage{}
	for _, p := range c.processes {
		if err := p.failure(); err != nil {
			return nil, err
		}
		u, err := usageOf(p.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		all[p.name] = u
	}
	return all, nil
}

// Stop ends the services, then the broker.
func (c *Cloud) Stop() {
	for _, p := range slices.Backward(c.processes) {
		p.stop()
	}
}
