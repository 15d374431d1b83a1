package chaos

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

// System is a cloud and two clients, each service a process of its own, with a
// proxy on every way between two of them.
type System struct {
	opt    Options
	dir    string
	scan   *Scanner
	nodes  []vhost  // of RabbitMQ, by broker; nil: embedded brokers
	closed *closure // nil: it is open

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

// newSystem makes a system in a folder and waits until all of it works. It must be
// closed, also after an error.
func newSystem(ctx context.Context, opt Options, dir string, scan *Scanner) (*System, error) {
	s := &System{opt: opt, dir: dir, scan: scan, processes: map[string]*process{}, links: map[string]*Proxy{}, calls: map[string]*caller{}, addrs: map[string]string{}, turns: map[string]*sync.Mutex{}}
	for _, name := range slices.Concat(clients, links(), brokers(), slices.Collect(maps.Keys(services()))) {
		s.turns[name] = &sync.Mutex{}
	}
	way := &http.Transport{MaxIdleConnsPerHost: 4}
	s.http = &http.Client{Transport: way}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, err
	}
	if opt.Closed {
		if err := s.shut(ctx); err != nil {
			return s, fmt.Errorf("close the system: %w", err)
		}
		way.TLSClientConfig = s.closed.trust
	}
	s.second = s.caller(cloudBroker)
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
	if s.closed != nil {
		if err := s.admit(ctx); err != nil {
			return s, fmt.Errorf("let the operator and the clients in: %w", err)
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
		} else if err := s.add(name, s.arguments(name)); err != nil {
			return err
		}
		s.calls[name] = s.caller(name)
	}
	return nil
}

// caller makes a way of the harness to a broker. The clients' know no seals.
func (s *System) caller(broker string) *caller {
	var trust *tls.Config
	var key rpc.Key
	if s.closed != nil {
		if s.opt.Broker == Embedded {
			trust = s.closed.trust
		}
		if broker == cloudBroker {
			key = s.closed.key
		}
	}
	return newCaller(func() string { return s.brokerURL(broker) }, trust, key)
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

// base is the URL of one of the cloud's HTTP servers.
func (s *System) base(name string) string { return s.scheme() + s.address(name) }

// scheme is how HTTP is spoken.
func (s *System) scheme() string {
	if s.closed != nil {
		return "https://"
	}
	return "http://"
}

// brokerURL is where a broker is now, for the harness itself.
func (s *System) brokerURL(name string) string {
	addr := s.address(name)
	if addr == "" {
		return ""
	}
	scheme := "amqp"
	if s.closed != nil && s.opt.Broker == Embedded {
		scheme = "amqps"
	}
	return (&url.URL{Scheme: scheme, User: url.UserPassword("guest", "guest"), Host: addr, RawPath: "/" + url.PathEscape(s.vhost(name)), Path: "/" + s.vhost(name)}).String()
}

func (s *System) vhost(broker string) string {
	if s.nodes == nil {
		return "/"
	}
	return s.nodes[slices.Index(brokers(), broker)].name
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
