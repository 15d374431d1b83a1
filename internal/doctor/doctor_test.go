package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// load makes a configuration with some settings of its own.
func load(t *testing.T, settings ...string) *config.Config {
	t.Helper()
	o := map[string]string{}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		o[key] = value
	}
	t.Chdir(t.TempDir())
	cfg, err := config.Load(config.LoadOptions{Data: "/srv/agata", Overrides: o, Hostname: "h"})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// sound are the probes of a machine on which all is well and nothing runs.
func sound() Probes {
	return Probes{
		Run: func(_ context.Context, _ string, args ...string) (string, error) {
			if strings.Contains(args[1], "flwr") {
				return "1.41.0\n", nil
			}
			return "3.12.1\n", nil
		},
		Broker:   func(context.Context, config.Broker) (string, error) { return "RabbitMQ 3.13.7", nil },
		Queues:   func(context.Context, config.Broker, config.BrokerMode, []string) ([]string, error) { return nil, nil },
		Listen:   func(context.Context, string) error { return nil },
		Database: func(context.Context, config.Store) (string, bool, error) { return "15.18", true, nil },
		HTTP: func(context.Context, string, string) (Answer, error) {
			return Answer{Status: 200, Header: http.Header{"Date": {noon.Format(http.TimeFormat)}}, Body: `{"status":"ok"}`}, nil
		},
		Certificates: func(config.TLS, time.Time) ([]pki.Entry, error) {
			return []pki.Entry{{Setting: "tls.cert", File: "/s.pem", Until: noon.AddDate(1, 0, 0), State: "ok"}}, nil
		},
		Writable:  func(string) error { return nil },
		Exists:    func(string) (bool, bool, error) { return true, true, nil },
		Free:      func(string) (uint64, error) { return 50 * gib, nil },
		OpenFiles: func() (uint64, error) { return 65536, nil },
		Account:   func(string) error { return nil }, Controllers: func([]string) ([]string, error) { return nil, nil },
		Now: func() time.Time { return noon },
	}
}

func opErr(err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
}

func brokerFails(err error) func(*Probes) {
	return func(p *Probes) {
		p.Broker = func(context.Context, config.Broker) (string, error) { return "", err }
	}
}

// pgURL sets a database.
const pgURL = "server.store.url=postgres://agata@db/agata"

func databaseFails(usable bool, err error) func(*Probes) {
	return func(p *Probes) {
		p.Database = func(context.Context, config.Store) (string, bool, error) { return "15.18", usable, err }
	}
}

func listenFails(at string, err error) func(*Probes) {
	return func(p *Probes) {
		p.Listen = func(_ context.Context, addr string) error {
			if strings.HasSuffix(addr, at) {
				return opErr(err)
			}
			return nil
		}
	}
}

func runFails(err error) func(*Probes) {
	return func(p *Probes) {
		p.Run = func(context.Context, string, ...string) (string, error) { return "", err }
	}
}

func says(python, flwr string) func(*Probes) {
	return func(p *Probes) {
		p.Run = func(_ context.Context, _ string, args ...string) (string, error) {
			if strings.Contains(args[1], "flwr") {
				return flwr + "\n", nil
			}
			return python + "\n", nil
		}
	}
}

func TestASoundMachineHasNoFault(t *testing.T) {
	results := Run(t.Context(), load(t), sound())
	var names []string
	for _, r := range results {
		names = append(names, r.Check)
		if r.Status != OK || r.Mend != "" || r.Found == "" {
			t.Errorf("%+v", r)
		}
	}
	const want = "python flower cloud broker cloud queues client broker client queues gateway port files port database certificates data folder disk space open files task limits clock"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("the order is %q", got)
	}
}

func TestEachFaultIsNamedWithItsMend(t *testing.T) {
	refused := opErr(syscall.ECONNREFUSED)
	for _, tc := range []struct {
		name     string
		settings []string
		fault    func(*Probes)
		check    string
		status   Status
		found    string
		mend     string
	}{
		{"no python", nil, runFails(&exec.Error{Name: "python3", Err: exec.ErrNotFound}), "python", Failed, "no interpreter python3", "apt-get install python3"},
		{"no python at a path", []string{"tasks.python=/opt/py"}, runFails(&fs.PathError{Op: "fork/exec", Path: "/opt/py", Err: syscall.ENOENT}), "python", Failed, "no interpreter /opt/py", "[tasks]"},
		{"python that crashes", nil, runFails(errors.New("signal: killed")), "python", Failed, "does not run: signal: killed", "name another interpreter"},
		{"old python", nil, says("3.9.18", "1.41.0"), "python", Failed, `Python "3.9.18", older than 3.10`, "newer python3"},
		{"something else than python", nil, says("hello", ""), "python", Failed, `Python "hello"`, "newer python3"},
		{"no flower", nil, says("3.12.1", ""), "flower", Warning, "has no flwr", "pip install -r experiments/requirements.txt"},
		{"old flower", nil, says("3.12.1", "1.9.0"), "flower", Warning, "flwr 1.9.0; the tasks of experiments/ were run with >=1.41,<1.42", "-m venv .venv"},
		{"new flower", nil, says("3.12.1", "2.0"), "flower", Warning, "flwr 2.0", "python = .venv/bin/python3"},
		{"flower without python", nil, runFails(&exec.Error{Name: "python3", Err: exec.ErrNotFound}), "flower", Warning, "no interpreter", "-m venv"},
		{"no broker in mode external", []string{"broker.mode=external"}, brokerFails(refused), "cloud broker", Failed, "nothing is there at localhost:9000, and mode is external", "apt-get install rabbitmq-server, or docker compose up"},
		{"no client broker either", []string{"broker.mode=external"}, brokerFails(refused), "client broker", Failed, "localhost:8000", "docker compose up"},
		{"nothing to embed at", []string{"server.broker.host=10.9.9.9"}, func(p *Probes) {
			brokerFails(refused)(p)
			listenFails(":9000", syscall.EADDRNOTAVAIL)(p)
		}, "cloud broker", Failed, "an embedded broker cannot be there either", "start a broker there, or set host and port in section [server.broker]"},
		{"database that is away", []string{pgURL}, databaseFails(false, rpc.Errorf(rpc.Unavailable, "no answer")), "database", Failed, "no answer", "start PostgreSQL there"},
		{"wrong user of the database", []string{pgURL}, databaseFails(false, errors.New("no such role")), "database", Failed, "no such role", "password_file in section [server.store]"},
		{"database without rights", []string{pgURL}, databaseFails(false, nil), "database", Failed, "may not make the services' schemas", "GRANT CREATE"},
		{"wrong password", nil, brokerFails(ErrCredentials), "client broker", Failed, "refuses the user guest", "set user and password in section [client.broker]"},
		{"no virtual host", []string{"server.broker.vhost=fl"}, brokerFails(ErrVHost), "cloud broker", Failed, "no virtual host fl", "rabbitmqctl add_vhost fl"},
		{"no AMQP", nil, brokerFails(fmt.Errorf("%w: it hangs up", ErrNotAMQP)), "cloud broker", Failed, "not in AMQP", "set port in section [server.broker]"},
		{"silent host", nil, brokerFails(context.DeadlineExceeded), "cloud broker", Failed, "does not answer: context deadline exceeded", "let its port through"},
		{"broker in the way of the embedded one", []string{"broker.mode=embedded"}, nil, "cloud broker", Failed, "RabbitMQ 3.13.7 already answers", "mode = external"},
		{"transient queues of peers", nil, func(p *Probes) {
			p.Queues = func(_ context.Context, _ config.Broker, how config.BrokerMode, _ []string) ([]string, error) {
				if how.Compat {
					return nil, nil
				}
				return []string{"events", "rpc_exec_get_user_info"}, nil
			}
		}, "cloud queues", Failed, "events, rpc_exec_get_user_info", "set compat = true in section [broker]"},
		{"a cluster", []string{"server.broker.hosts=a,b:1,c"}, nil, "cloud broker", OK, "3 nodes: RabbitMQ 3.13.7 answers at a:9000", ""},
		{"a node is away", []string{"server.broker.hosts=a,b:1,c"}, func(p *Probes) {
			p.Broker = func(_ context.Context, b config.Broker) (string, error) {
				if b.Host == "b" {
					return "", syscall.ECONNREFUSED
				}
				return "RabbitMQ 3.13.7", nil
			}
		}, "cloud broker", Warning, "1 of 3 nodes do not serve: nothing is there at b:1", "rabbitmq-server"},
		{"no node is there", []string{"server.broker.hosts=a,b:1,c"}, func(p *Probes) {
			p.Broker = func(context.Context, config.Broker) (string, error) { return "", syscall.ECONNREFUSED }
		}, "cloud broker", Failed, "nothing is there at a:9000, and mode is external", "rabbitmq-server"},
		{"durable queues with compat", []string{"broker.compat=true"}, func(p *Probes) {
			p.Queues = func(context.Context, config.Broker, config.BrokerMode, []string) ([]string, error) {
				return []string{"events"}, nil
			}
		}, "client queues", Failed, "compat = true and queue_type = classic do: events", "set compat = false"},
		{"queues out of sight", nil, func(p *Probes) {
			p.Queues = func(context.Context, config.Broker, config.BrokerMode, []string) ([]string, error) {
				return nil, errors.New("no permission")
			}
		}, "client queues", Warning, "no permission", "see the client broker"},
		{"gateway port taken", nil, func(p *Probes) {
			listenFails(":9001", syscall.EADDRINUSE)(p)
			p.HTTP = func(context.Context, string, string) (Answer, error) { return Answer{Status: 404}, nil }
		}, "gateway port", Failed, "port 9001 is taken by another program", "set port in section [server.gateway]"},
		{"files port taken", nil, func(p *Probes) {
			listenFails(":5000", syscall.EADDRINUSE)(p)
			p.HTTP = func(context.Context, string, string) (Answer, error) { return Answer{}, io404() }
		}, "files port", Failed, "port 5000 is taken", "sport = :5000"},
		{"a certificate that cannot be used", []string{"tls.ca=/none"}, certificatesAre(errors.New("open /none: no such file")), "certificates", Failed, "open /none", "agata tls init"},
		{"an expired certificate", []string{"tls.ca=/ca"}, certificatesAre(nil, "expired"), "certificates", Failed, "tls.cert (/s.pem) is expired", "needs no restart"},
		{"an early certificate", []string{"tls.ca=/ca"}, certificatesAre(nil, "ok", "not valid yet"), "certificates", Failed, "is not valid yet", "the clock is right"},
		{"a certificate near its end", []string{"tls.ca=/ca"}, certificatesAre(nil, "ok", "expires in 3 days"), "certificates", Warning, "tls.cert (/s.pem) expires in 3 days", "agata tls issue"},
		{"a broker of another authority", []string{"server.broker.tls=true"}, brokerFails(x509.UnknownAuthorityError{}), "cloud broker", Failed, "no secure way to the broker at localhost:9000", "ca.pem"},
		{"a gateway of another authority", []string{"tls.cert=/s.pem", "tls.key=/s.key"}, func(p *Probes) {
			listenFails(":9001", syscall.EADDRINUSE)(p)
			p.HTTP = func(_ context.Context, _, url string) (Answer, error) {
				if strings.HasPrefix(url, "https://127.0.0.1:9001/") {
					return Answer{}, x509.UnknownAuthorityError{}
				}
				return Answer{}, io404()
			}
		}, "gateway port", Warning, "something serves at 127.0.0.1:9001", "ca.pem"},
		{"privileged port", []string{"server.gateway.port=80"}, listenFails(":80", syscall.EACCES), "gateway port", Failed, "may not listen on port 80", "above 1023"},
		{"address of another machine", []string{"server.files.host=192.0.2.1"}, listenFails(":5000", syscall.EADDRNOTAVAIL), "files port", Failed, "192.0.2.1 is no address of this machine", "set host in section [server.files]"},
		{"odd listen error", nil, listenFails(":9001", syscall.EMFILE), "gateway port", Failed, "too many open files", "[server.gateway]"},
		{"data folder of another user", nil, func(p *Probes) {
			p.Writable = func(string) error { return fs.ErrPermission }
		}, "data folder", Failed, "cannot write in /srv/agata: permission denied", "chown -R $(id -u) /srv/agata"},
		{"data folder cannot be made", nil, func(p *Probes) {
			p.Exists = func(path string) (bool, bool, error) { return path == "/", path == "/", nil }
			p.Writable = func(dir string) error { return &fs.PathError{Op: "open", Path: dir, Err: syscall.EROFS} }
		}, "data folder", Failed, "cannot write in /: open /: read-only file system", "name another folder by --data"},
		{"data folder is a file", nil, func(p *Probes) {
			p.Exists = func(path string) (bool, bool, error) { return true, path != "/srv/agata", nil }
		}, "data folder", Failed, "is a file", "move it away"},
		{"data folder out of sight", nil, func(p *Probes) {
			p.Exists = func(string) (bool, bool, error) { return false, false, syscall.EACCES }
		}, "data folder", Failed, "cannot look at /srv/agata", "--data"},
		{"little disk", nil, func(p *Probes) { p.Free = func(string) (uint64, error) { return gib - 1, nil } }, "disk space", Warning, "only 1024.0 MiB left", "make room"},
		{"no disk", nil, func(p *Probes) { p.Free = func(string) (uint64, error) { return 99 * mib, nil } }, "disk space", Failed, "only 99.0 MiB left", "make room"},
		{"disk out of sight", nil, func(p *Probes) { p.Free = func(string) (uint64, error) { return 0, syscall.EIO } }, "disk space", Warning, "cannot tell", "df /srv/agata"},
		{"no cgroup", []string{"tasks.memory_mb=512"}, func(p *Probes) {
			p.Controllers = func([]string) ([]string, error) { return nil, errors.New("there is no tree") }
		}, "task limits", Warning, "there is no tree", "Delegate=yes"},
		{"half a cgroup", []string{"tasks.memory_mb=512", "tasks.processes=9"}, func(p *Probes) {
			p.Controllers = func([]string) ([]string, error) { return []string{"memory"}, nil }
		}, "task limits", Warning, "does not keep their limits of memory", "Delegate=yes"},
		{"no such account", []string{"tasks.user=x"}, func(p *Probes) {
			p.Account = func(name string) error { return errors.New("the account " + name + " is not there") }
		}, "task limits", Failed, "the account x is not there", "name an account"},
		{"few files", nil, func(p *Probes) { p.OpenFiles = func() (uint64, error) { return 256, nil } }, "open files", Warning, "only 256 files", "ulimit -n 4096"},
		{"files out of sight", nil, func(p *Probes) { p.OpenFiles = func() (uint64, error) { return 0, syscall.ENOSYS } }, "open files", Warning, "cannot tell", "ulimit"},
		{"clock ahead", nil, func(p *Probes) { p.Now = func() time.Time { return noon.Add(8500 * time.Millisecond) } }, "clock", Warning, "8s ahead of the cloud's", "set-ntp"},
		{"clock behind", nil, func(p *Probes) { p.Now = func() time.Time { return noon.Add(-time.Hour) } }, "clock", Warning, "1h0m1s behind the cloud's", "set-ntp"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := sound()
			if tc.fault != nil {
				tc.fault(&p)
			}
			r := result(t, Run(t.Context(), load(t, tc.settings...), p), tc.check)
			if r.Status != tc.status || !strings.Contains(r.Found, tc.found) || !strings.Contains(r.Mend, tc.mend) {
				t.Errorf("got %+v, want %s, found %q, mend %q", r, tc.status, tc.found, tc.mend)
			}
		})
	}
}

func certificatesAre(err error, states ...string) func(*Probes) {
	return func(p *Probes) {
		p.Certificates = func(config.TLS, time.Time) (list []pki.Entry, _ error) {
			for _, s := range states {
				list = append(list, pki.Entry{Setting: "tls.cert", File: "/s.pem", Until: noon, State: s})
			}
			return list, err
		}
	}
}

func io404() error { return errors.New("malformed HTTP response") }

func result(t *testing.T, results []Result, check string) Result {
	t.Helper()
	for _, r := range results {
		if r.Check == check {
			return r
		}
	}
	t.Fatalf("no check %q in %+v", check, results)
	return Result{}
}

func TestWhatIsNoFault(t *testing.T) {
	for _, tc := range []struct {
		name     string
		settings []string
		state    func(*Probes)
		check    string
		found    string
	}{
		{"no broker in mode auto", nil, brokerFails(opErr(syscall.ECONNREFUSED)), "cloud broker", "agata up will embed a broker (mode auto)"},
		{"no broker in mode embedded", []string{"broker.mode=embedded"}, brokerFails(opErr(syscall.ECONNREFUSED)), "client broker", "(mode embedded)"},
		{"AGATA itself in mode embedded", []string{"broker.mode=embedded"}, func(p *Probes) {
			p.Broker = func(context.Context, config.Broker) (string, error) { return embeddedProduct, nil }
		}, "cloud broker", "agata amqpd answers"},
		{"a port left to chance", []string{"broker.mode=embedded", "server.broker.port=0"}, nil, "cloud broker", "free at the time"},
		{"queues of a broker left to chance", []string{"broker.mode=embedded", "server.broker.port=0"}, nil, "cloud queues", "embedded"},
		{"queues of no broker", nil, func(p *Probes) {
			p.Queues = func(context.Context, config.Broker, config.BrokerMode, []string) ([]string, error) {
				return nil, opErr(syscall.ECONNREFUSED)
			}
		}, "cloud queues", "nothing is there"},
		{"gateway runs", nil, listenFails(":9001", syscall.EADDRINUSE), "gateway port", "serves there: 127.0.0.1:9001"},
		{"files runs", nil, func(p *Probes) {
			listenFails(":5000", syscall.EADDRINUSE)(p)
			p.HTTP = func(_ context.Context, method, url string) (Answer, error) {
				if method+" "+url != "OPTIONS http://127.0.0.1:5000/upload_files" {
					return Answer{Status: 404}, nil
				}
				return Answer{Status: 204, Header: http.Header{"Allow": {"POST, OPTIONS"}}}, nil
			}
		}, "files port", "serves there"},
		{"no certificates", nil, certificatesAre(errors.New("not asked")), "certificates", "in the clear"},
		{"certificates", []string{"tls.ca=/ca"}, nil, "certificates", "tls.cert until 2027-03-04"},
		{"gateway port 0", []string{"server.gateway.port=0"}, listenFails("", syscall.EADDRINUSE), "gateway port", "free at the time"},
		{"data folder not there yet", nil, func(p *Probes) {
			p.Exists = func(path string) (bool, bool, error) { return path == "/srv", path == "/srv", nil }
		}, "data folder", "/srv/agata will be made"},
		{"limits kept", []string{"tasks.memory_mb=512", "tasks.user=nobody"}, nil, "task limits", "tasks run as nobody; cgroups keep their limits of memory"},
		{"no gateway", nil, func(p *Probes) {
			p.HTTP = func(context.Context, string, string) (Answer, error) { return Answer{}, opErr(syscall.ECONNREFUSED) }
		}, "clock", "does not answer"},
		{"gateway without a clock", nil, func(p *Probes) {
			p.HTTP = func(context.Context, string, string) (Answer, error) { return Answer{Status: 200}, nil }
		}, "clock", "does not tell the time"},
		{"clock nearly right", nil, func(p *Probes) { p.Now = func() time.Time { return noon.Add(5400 * time.Millisecond) } }, "clock", "within 5s"},
		{"flower at the end of the range", nil, says("3.10.0", "1.41.9"), "flower", "1.41.9"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := sound()
			if tc.state != nil {
				tc.state(&p)
			}
			r := result(t, Run(t.Context(), load(t, tc.settings...), p), tc.check)
			if r.Status != OK || !strings.Contains(r.Found, tc.found) || r.Mend != "" {
				t.Errorf("got %+v, want ok, %q", r, tc.found)
			}
		})
	}
}

// One check heeds its context and one does not; neither keeps the others from
// being told.
func TestEveryCheckIsBounded(t *testing.T) {
	cfg := load(t)
	synctest.Test(t, func(t *testing.T) {
		wake := make(chan struct{})
		p := sound()
		p.Broker = func(ctx context.Context, _ config.Broker) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}
		p.Free = func(string) (uint64, error) { <-wake; return 0, nil }
		began := time.Now()
		results := Run(t.Context(), cfg, p)
		if took := time.Since(began); took != limit+overtime {
			t.Errorf("it took %s", took)
		}
		if r := result(t, results, "cloud broker"); r.Status != Failed || !strings.Contains(r.Found, "does not answer") {
			t.Errorf("%+v", r)
		}
		if r := result(t, results, "disk space"); r.Status != Failed || !strings.Contains(r.Found, "did not end within 5s") {
			t.Errorf("%+v", r)
		}
		if r := result(t, results, "clock"); r.Status != OK {
			t.Errorf("a check after the late one: %+v", r)
		}
		close(wake)
	})
}

func TestConfigurationTellsEveryProblem(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.ini")
	text := "[server.broker]\nport = ninety\n[client.broker]\nprot = 1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(config.LoadOptions{Path: path})
	results := Configuration(cfg, err)
	if len(results) != 2 {
		t.Fatalf("got %+v", results)
	}
	for i, want := range []struct{ found, mend string }{
		{`config.ini:2: server.broker.port = "ninety"`, "number"},
		{"config.ini:4: client.broker.prot ", "port"},
	} {
		r := results[i]
		if r.Check != "configuration" || r.Status != Failed || !strings.Contains(r.Found, want.found) || !strings.Contains(r.Mend, want.mend) {
			t.Errorf("got %+v, want %+v", r, want)
		}
		if strings.Contains(r.Found, r.Mend) {
			t.Errorf("the hint is told twice: %+v", r)
		}
	}

	cfg, err = config.Load(config.LoadOptions{Path: filepath.Join(dir, "none.ini")})
	if r := Configuration(cfg, err); len(r) != 1 || r[0].Status != Failed || !strings.Contains(r[0].Mend, "--config") {
		t.Errorf("a file that is not there: %+v", r)
	}
	if r := Configuration(load(t), nil); len(r) != 1 || r[0].Status != OK || !strings.Contains(r[0].Found, "defaults") {
		t.Errorf("the defaults: %+v", r)
	}
}
