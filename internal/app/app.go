package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/obs"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/taskreporter/python"
)

// The names of the services, in the order in which they start.
const (
	UserManager       = "user-manager"
	CloudTaskManager  = "cloud-task-manager"
	CloudGateway      = "cloud-gateway"
	ClientGateway     = "client-gateway"
	ClientTaskManager = "client-task-manager"
)

// Services lists every service, in the order in which they start.
func Services() []string {
	return []string{UserManager, CloudTaskManager, CloudGateway, ClientGateway, ClientTaskManager}
}

// Options of an [App]. Config is required.
type Options struct {
	Config *config.Config
	Logger *slog.Logger // nil: silent
	// Services to run; every one if empty.
	Services []string
	// Clients is how many client sides run here, 1 if zero. The second and
	// further ones have an embedded broker and a data folder of their own.
	Clients int
	// KeepTasks leaves task processes running when the app stops.
	KeepTasks bool
	// Brokers runs the embedded brokers alone, without a service.
	Brokers bool
	// NeverEmbed turns mode auto into external: for services that are one of
	// many, where a broker of their own would be a mistake.
	NeverEmbed bool
}

// App runs services in one process.
type App struct {
	opt      Options
	cfg      *config.Config
	log      *slog.Logger
	build    obs.Build
	registry *prometheus.Registry
	schemas  *contract.Schemas
	group    *group
	started  chan struct{}
	info     Info
	closers  []io.Closer // of what several modules use, closed when all have ended
	python   string      // where the reporter's Python twin lies; "" until it does
	tls      certificates
}

// Info tells where a started app is to be found.
type Info struct {
	CloudBroker  string   // host:port, and how it came about
	ClientBroker []string // one a client
	GatewayURL   string
	FilesURL     string
	Data         string
	TaskDir      string // working directory of task processes
}

// New checks the options; it starts nothing.
func New(opt Options) (*App, error) {
	if opt.Config == nil {
		return nil, errors.New("app: a configuration is required")
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Clients == 0 {
		opt.Clients = 1
	}
	if opt.Clients < 1 || opt.Clients > 100 {
		return nil, fmt.Errorf("app: %d clients are not between 1 and 100", opt.Clients)
	}
	if len(opt.Services) == 0 && !opt.Brokers {
		opt.Services = Services()
	}
	for _, name := range opt.Services {
		if !slices.Contains(Services(), name) {
			return nil, fmt.Errorf("there is no service %q; the services are %s", name, strings.Join(Services(), ", "))
		}
	}
	schemas, err := contract.CompileSchemas()
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	build := obs.Version()
	return &App{
		opt: opt, cfg: opt.Config, log: opt.Logger, build: build, registry: obs.NewRegistry(build),
		schemas: schemas, group: newGroup(opt.Logger), started: make(chan struct{}),
	}, nil
}

// Started is closed when everything is up; Info may be read from then on.
func (a *App) Started() <-chan struct{} { return a.started }

// Info tells where the started app is to be found.
func (a *App) Info() Info { return a.info }

// Run starts everything, runs until ctx ends or a part fails, and stops it all
// in reverse. It returns nil on a clean stop.
func (a *App) Run(ctx context.Context) error {
	err := a.start(ctx)
	if err == nil {
		close(a.started)
		select {
		case <-ctx.Done():
		case err = <-a.group.failed:
		}
	}
	if ctx.Err() != nil {
		err = nil // a stop while starting is no failure
	}
	err = errors.Join(err, a.group.stop())
	for _, c := range a.closers {
		err = errors.Join(err, c.Close())
	}
	return err
}

func (a *App) has(service string) bool { return slices.Contains(a.opt.Services, service) }

func (a *App) start(ctx context.Context) error {
	if err := os.MkdirAll(a.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	a.info.Data = a.cfg.Data
	if err := a.loadTLS(); err != nil {
		return err
	}
	if err := a.startBrokers(ctx); err != nil {
		return err
	}
	if a.opt.Brokers {
		return nil
	}
	// Task processes read the ports that are really bound, so everything that
	// binds one comes before the first that may launch a task.
	if err := a.startCloud(ctx); err != nil {
		return err
	}
	return a.startClients(ctx)
}

// taskDir writes the effective configuration where task processes look for it.
func (a *App) taskDir() (string, error) {
	if a.info.TaskDir != "" {
		return a.info.TaskDir, nil
	}
	dir, err := a.cfg.TaskDir()
	if err != nil {
		return "", fmt.Errorf("prepare the working directory of tasks: %w", err)
	}
	a.info.TaskDir = dir
	return dir, nil
}

// pythonPath lays out the reporter's Python twin for task processes, once: tasks
// that run import it.
func (a *App) pythonPath() ([]string, error) {
	if a.python != "" {
		return []string{a.python}, nil
	}
	dir := filepath.Join(a.cfg.Data, "python")
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("renew the Python reporter: %w", err)
	}
	if err := os.CopyFS(dir, python.FS); err != nil {
		return nil, fmt.Errorf("write the Python reporter: %w", err)
	}
	a.python = dir
	return []string{dir}, nil
}
