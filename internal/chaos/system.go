package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// cloudBroker is the name of the cloud's broker.
const cloudBroker = "cloud-broker"

// The clients of a system. Both match tasks for everyone; only the first has the
// data that some tasks ask for.
var clients = []string{"ada", "bob"}

// System is a cloud and two clients, each service a process of its own, with a
// proxy on every way between two of them.
type System struct {
	opt   Options
	dir   string
	scan  *Scanner
	nodes []vhost // of RabbitMQ, by broker; nil: embedded brokers

	processes map[string]*process
	links     map[string]*Proxy
	calls     map[string]*caller // by broker
	second    *caller            // at the cloud's broker, for calls that come again
	repeats   sync.WaitGroup     // of them
	http      *http.Client

	turns map[string]*sync.Mutex // of faults, by what they break

	mu     sync.Mutex
	addrs  map[string]string      // by process, what it listens on
	losses map[string][]time.Time // by broker, when what it had in memory was lost
}

// link names the way between two processes, and ends takes the name apart.
func link(from, to string) string { return from + ">" + to }

func ends(link string) (from, to string) {
	from, to, _ = strings.Cut(link, ">")
	return from, to
}

// brokers are the names of the system's brokers.
func brokers() []string {
	names := []string{cloudBroker}
	for _, c := range clients {
		names = append(names, c+"-broker")
	}
	return names
}

// services are the names of the processes beside the brokers, and which broker
// each is at.
func services() map[string]string {
	m := map[string]string{"user-manager": cloudBroker, "cloud-task-manager": cloudBroker, "cloud-gateway": cloudBroker}
	for _, c := range clients {
		m[c+"-gateway"], m[c+"-manager"] = c+"-broker", c+"-broker"
	}
	return m
}

// links are the ways between processes.
func links() []string {
	names := []string{link("cloud-gateway", "files")}
	for s, b := range services() {
		names = append(names, link(s, b))
	}
	for _, c := range clients {
		names = append(names, link(c+"-gateway", "gateway"), link(c+"-manager", "files"))
	}
	slices.Sort(names)
	return names
}

// newSystem makes a system in a folder and waits until all of it works. It must be
// closed, also after an error.
func newSystem(ctx context.Context, opt Options, dir string, scan *Scanner) (*System, error) {
	s := &System{opt: opt, dir: dir, scan: scan, processes: map[string]*process{}, links: map[string]*Proxy{}, calls: map[string]*caller{}, addrs: map[string]string{}, turns: map[string]*sync.Mutex{}}
	for _, name := range slices.Concat(links(), brokers(), slices.Collect(maps.Keys(services()))) {
		s.turns[name] = &sync.Mutex{}
	}
	s.second = &caller{url: func() string { return s.brokerURL(cloudBroker) }}
	s.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, err
	}
	for _, name := range links() {
		p, err := NewProxy()
		if err != nil {
			return s, err
		}
		s.links[name] = p
	}
	if err := s.startBrokers(ctx); err != nil {
		return s, err
	}
	for _, name := range slices.Sorted(maps.Keys(services())) {
		if err := s.add(name, s.arguments(name)); err != nil {
			return s, err
		}
	}
	return s, s.await(ctx)
}

func (s *System) startBrokers(ctx context.Context) error {
	for i, name := range brokers() {
		if s.opt.Broker == RabbitMQ {
			v, err := makeVHost(ctx, s.opt.Nodes[i%len(s.opt.Nodes)], filepath.Base(s.dir)+"-"+name)
			if err != nil {
				return err
			}
			s.nodes = append(s.nodes, v)
			s.found(name, v.addr())
		} else if err := s.add(name, []string{"broker", "--set", "server.broker.port=0", "--set", "client.broker.port=0", "--set", "server.broker.host=127.0.0.1"}); err != nil {
			return err
		}
		s.calls[name] = &caller{url: func() string { return s.brokerURL(name) }}
	}
	return nil
}

// add starts a process.
func (s *System) add(name string, args []string) error {
	args = append(args, "--data", filepath.Join(s.dir, name), "--set", "log.format=text")
	p, err := newProcess(name, filepath.Join(s.dir, name+".log"), s.opt.Binary, args, func(what, addr string) {
		switch {
		case what == "gateway" && name == "cloud-gateway", what == "files" && name == "cloud-task-manager", what == "cloud broker" && isBroker(name):
			s.found(name, addr)
		}
	})
	if err != nil {
		return err
	}
	s.processes[name] = p
	return p.start()
}

func isBroker(name string) bool { return slices.Contains(brokers(), name) }

// found leads the ways to a process to where it listens now.
func (s *System) found(name, addr string) {
	s.mu.Lock()
	s.addrs[name] = addr
	s.mu.Unlock()
	what := map[string]string{"cloud-gateway": "gateway", "cloud-task-manager": "files"}[name]
	if what == "" {
		what = name
	}
	for key, p := range s.links {
		if _, to := ends(key); to == what {
			p.Lead(addr)
		}
	}
}

// address is where a process listens.
func (s *System) address(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addrs[name]
}

// brokerURL is where a broker is now, for the harness itself.
func (s *System) brokerURL(name string) string {
	addr := s.address(name)
	if addr == "" {
		return ""
	}
	return (&url.URL{Scheme: "amqp", User: url.UserPassword("guest", "guest"), Host: addr, RawPath: "/" + url.PathEscape(s.vhost(name)), Path: "/" + s.vhost(name)}).String()
}

func (s *System) vhost(broker string) string {
	if s.nodes == nil {
		return "/"
	}
	return s.nodes[slices.Index(brokers(), broker)].name
}

// arguments start a service.
func (s *System) arguments(name string) []string {
	broker := services()[name]
	section, service := "server.broker", name
	set := map[string]string{
		"broker.mode": "external", "rpc.timeout": "3", "tasks.python": s.opt.Python, "tasks.grace": "2",
		"server.gateway.port": "0", "server.files.port": "0", "server.broker.host": "127.0.0.1", "client.broker.host": "127.0.0.1",
		"server.broker.port": "1", "client.broker.port": "1", // none: each has its own
		"client.params.request_interval": "0.3", "client.params.policy": "all", "client.params.max_tasks": "4",
		"tasks.quarantine_minutes": "0.02", "log.level": "info",
	}
	for i, c := range clients {
		if broker != c+"-broker" {
			continue
		}
		section = "client.broker"
		set["client.info.user_id"], set["client.info.data_qnt"] = c, strconv.Itoa(60-50*i)
		set["server.gateway.url"] = "http://" + s.links[link(c+"-gateway", "gateway")].Addr()
		set["server.files.url"] = "http://" + s.links[link(c+"-manager", "files")].Addr()
		service = map[string]string{c + "-gateway": "client-gateway", c + "-manager": "client-task-manager"}[name]
	}
	if name == "cloud-gateway" {
		set["server.files.url"] = "http://" + s.links[link(name, "files")].Addr()
	}
	set[section+".port"] = strconv.Itoa(s.links[link(name, broker)].Port())
	set[section+".vhost"] = s.vhost(broker)
	maps.Copy(set, s.opt.Settings)
	args := []string{"serve", service}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		args = append(args, "--set", key+"="+set[key])
	}
	return args
}

// startTime is how long a system may take to be up.
const startTime = time.Minute

// await waits until all of the system works.
func (s *System) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("the system in %s was not up within %s", s.dir, startTime))
	defer cancel()
	for {
		err := s.works(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// works tells what of the system does not answer yet.
func (s *System) works(ctx context.Context) error {
	for name, p := range s.processes {
		if err := p.failure(); err != nil {
			return err
		}
		if _, ok := p.up(); !ok {
			return fmt.Errorf("%s does not run", name)
		}
	}
	for _, c := range clients {
		if _, err := s.status(ctx, c); err != nil {
			return fmt.Errorf("client %s: %w", c, err)
		}
		if err := s.get(ctx, "/clients/"+c, nil); err != nil {
			return fmt.Errorf("the cloud does not know client %s: %w", c, err)
		}
	}
	return nil
}

// close ends all of it: services first, brokers last; tasks that are left are
// killed, and were a violation.
func (s *System) close(ctx context.Context) error {
	var errs []error
	s.repeats.Wait()
	for _, c := range s.calls {
		c.close()
	}
	s.second.close()
	s.http.CloseIdleConnections()
	for _, p := range s.links {
		p.Heal()
	}
	var ending sync.WaitGroup
	var mu sync.Mutex
	for _, part := range [][]string{slices.Collect(maps.Keys(services())), brokers()} {
		for _, name := range part {
			if p := s.processes[name]; p != nil {
				ending.Go(func() {
					err := p.close()
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
				})
			}
		}
		ending.Wait()
	}
	for _, p := range s.links {
		p.Close()
	}
	left, _ := s.scan.Of(s.dir)
	for _, l := range left {
		_ = syscall.Kill(l.PID, syscall.SIGKILL) // its shim sees to the rest
	}
	for _, v := range s.nodes {
		errs = append(errs, v.remove(context.WithoutCancel(ctx)))
	}
	return errors.Join(errs...)
}
