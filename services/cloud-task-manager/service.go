package cloudtaskmanager

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/audit"
	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Options of a [Service]. Data, Work, FilesAddr and Base's Transport and Schemas
// are required.
type Options struct {
	// Base is how the service stands on its broker; its names are set here.
	Base baseservice.Options

	Data       string   // folder of cloud-task-manager.db and of the executions; made when missing
	Work       string   // holds tasks/task_<id>; made when missing
	ConfigDir  string   // working directory of tasks; "": this process's
	Python     string   // interpreter of tasks; "": python3
	Warm       []string // modules that an interpreter imports before there is a task for it; none: there is no such interpreter
	PythonPath []string // put before PYTHONPATH of tasks

	FilesAddr   string          // host:port of the file service; port 0 picks a free one
	TLS         *tls.Config     // what the file service speaks; nil: HTTP in the clear
	FilesLimits artifact.Limits // of uploads
	AllowOrigin string          // web pages that may upload; see [artifact.HandlerOptions]

	// Database is the PostgreSQL database to use in place of cloud-task-manager.db.
	Database database.Server

	// Audit takes who changed which task; nil: nobody asks.
	Audit *audit.Log

	// Key is the cloud's: with it offers bring tokens for their files, and uploads
	// want one unless OpenUploads is set, as peers expect. zero: the cloud is open.
	Key         rpc.Key
	OpenUploads bool
	// TrustedKeys is the file of an allow-list of signers, read at each start of a
	// task: only what one of them signed is started. "": everything is.
	TrustedKeys string
	Stall       time.Duration      // without a sign of life, see [policy.Rhythm]; 0: nothing ever counts as stalled
	Limits      supervise.Limits   // of each task
	Account     *supervise.Account // whom tasks run as; nil: as this process
	Environment []string           // patterns of further variables that tasks may see

	// Lease is how long this manager counts as alive that the others, where several
	// share the database, have not heard of; 0: [DefaultLease].
	Lease time.Duration
	// Advertise is the host at which clients find the servers of tasks that run here;
	// "": as each task says.
	Advertise string

	Grace     time.Duration // from SIGTERM to SIGKILL; 0: 5 s
	KeepTasks bool          // leave tasks running when the service stops, for the next one to adopt
}

// Service is the cloud's task manager.
type Service struct {
	opt     Options
	work    string // absolute
	base    *baseservice.Service
	log     *slog.Logger
	metrics *metrics
	files   *artifact.Store
	http    *httpx.Server

	turns   keyLock // by task: all that changes it
	gate    gate
	offers  control.Offers
	runs    runs
	clients clients
	seen    seen
	feed    *feed
	revoked revokedSet
	shared  *shared // nil: there is no other manager

	// From the start of Run on.
	store *store
	procs *supervise.Manager
	// life ends when the service stops; work outside of calls is bound to it.
	life      context.Context
	detaching atomic.Bool    // the lines of processes end although these may not have
	halted    chan struct{}  // closed at the stop, when what was to be stopped is
	left      error          // of leaving the processes when the calls had ended
	workers   sync.WaitGroup // the followers of tasks
	triggers  sync.WaitGroup
}

// New checks the options and binds the address of the file service; it runs
// nothing. A Service that is not run must be closed.
func New(opt Options) (*Service, error) {
	if opt.Data == "" || opt.Work == "" {
		return nil, errors.New("cloud-task-manager: the data and the work folder must be set")
	}
	work, err := filepath.Abs(opt.Work)
	if err != nil {
		return nil, fmt.Errorf("cloud-task-manager: find the work folder: %w", err)
	}
	opt.Python = cmp.Or(opt.Python, "python3")
	opt.Base.Name, opt.Base.EventName = "cloud-task-manager", contract.EventCloudTasks
	s := &Service{opt: opt, work: work, feed: newFeed(), halted: make(chan struct{})}
	// What followers read after the recorder has ended would be read, and not told.
	opt.Base.Drained = func() { <-s.halted; s.left = s.leave() }
	if s.base, err = baseservice.New(opt.Base); err != nil {
		return nil, err
	}
	if s.shared, err = newShared(opt); err != nil {
		return nil, fmt.Errorf("cloud-task-manager: %w", err)
	}
	if opt.TrustedKeys != "" {
		if _, err := bundle.LoadKeys(opt.TrustedKeys); err != nil {
			return nil, fmt.Errorf("cloud-task-manager: no task could be started: %w", err)
		}
	}
	base := s.base
	s.log = base.Logger()
	if s.metrics, err = newMetrics(opt.Base.Registerer); err != nil {
		return nil, fmt.Errorf("cloud-task-manager: %w", err)
	}
	if err := s.openFiles(); err != nil {
		return nil, fmt.Errorf("cloud-task-manager: %w", err)
	}
	once, entered := baseservice.Remembered(memory{s}, audit.Again(opt.Audit)), baseservice.Use(audit.Calls(opt.Audit))
	baseservice.Handle(base, contract.CreateTask, s.createTask, once, entered)
	baseservice.Handle(base, contract.UpdateTask, s.updateTask, once, entered)
	baseservice.Handle(base, contract.GetTask, s.getTask)
	baseservice.Handle(base, contract.DeleteTask, s.deleteTask, once, entered)
	baseservice.Handle(base, contract.ListTasks, s.listTasks, baseservice.Concurrency(2))
	baseservice.Handle(base, contract.DescribeTask, s.describeTask)
	baseservice.Handle(base, contract.CountTasks, s.countTasks, baseservice.Concurrency(2))
	baseservice.Handle(base, contract.ListTaskFiles, s.listTaskFiles, baseservice.Concurrency(2)) // may read large files
	baseservice.Handle(base, contract.DeleteTaskFile, s.deleteTaskFile, once, entered)
	baseservice.Handle(base, contract.StartServerTask, s.startServerTask, once, entered, baseservice.Concurrency(16))
	baseservice.Handle(base, contract.StopServerTask, s.stopServerTask, once, entered, baseservice.Concurrency(32)) // mostly waits
	baseservice.Handle(base, contract.ServerLogs, s.serverLogs, baseservice.Concurrency(2))
	baseservice.Handle(base, contract.RequestTasks, s.requestTasks, baseservice.Concurrency(32))
	baseservice.Handle(base, contract.ExplainTask, s.explainTask, baseservice.Concurrency(2))
	baseservice.Handle(base, contract.ListTaskClients, s.listTaskClients, baseservice.Concurrency(2))
	baseservice.Handle(base, contract.RevokeBundle, s.revokeBundle, once, entered)
	baseservice.Handle(base, contract.ListRevocations, s.listRevocations, baseservice.Concurrency(2))
	baseservice.Handle(base, contract.CheckCriteria, s.checkCriteria, baseservice.Concurrency(2))
	baseservice.Handle(base, contract.AwaitChanges, s.awaitChanges, baseservice.Concurrency(16)) // one waits for each gateway
	s.serveOwned()
	return s, nil
}

// openFiles prepares the file service.
func (s *Service) openFiles() (err error) {
	if s.files, err = artifact.NewStore(s.work, s.opt.FilesLimits); err != nil {
		return err
	}
	var admit func(context.Context, string, bool) (context.Context, string, error)
	if !s.opt.Key.IsZero() {
		admit = s.admit
	}
	handler, err := artifact.NewHandler(artifact.HandlerOptions{
		Admit: admit, Store: s.files, AllowOrigin: s.opt.AllowOrigin, Logger: s.log,
		Credentials: func(ctx context.Context, taskID string) (string, string, bool, error) {
			return s.store.login(ctx, taskID)
		},
		Received: s.received, OpenUploads: s.opt.OpenUploads,
	})
	if err == nil {
		s.http, err = httpx.New(httpx.Options{Addr: s.opt.FilesAddr, TLS: s.opt.TLS, Logger: s.log,
			Share:   0.125, // each opens a file, too, and the gateway may be in this process
			Handler: httpx.Chain(handler, httpx.Trace(), httpx.Log(s.log), httpx.Recover(s.log))})
	}
	if err != nil {
		return errors.Join(err, s.files.Close())
	}
	return nil
}

// leave lets go of the processes that run, and waits for those that follow them.
// Again it does nothing.
func (s *Service) leave() error {
	s.detaching.Store(true)
	err := s.procs.Close()
	s.workers.Wait()
	return err
}

// Started is closed when the functions are served for the first time.
func (s *Service) Started() <-chan struct{} { return s.base.Started() }

// FilesAddr is the host:port of the file service, with the real port.
func (s *Service) FilesAddr() string { return s.http.Addr() }

// Close releases what New took, of a Service that was never run.
func (s *Service) Close() error { return errors.Join(s.http.Close(), s.files.Close()) }

// Run takes over what an earlier service left, then serves until ctx ends. Then
// the running tasks are stopped, or left running if KeepTasks says so. It returns
// nil on a clean stop. A Service runs once.
func (s *Service) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	starting := context.WithoutCancel(ctx) // each step has a bound of its own
	db, err := database.Open(starting, filepath.Join(s.opt.Data, "cloud-task-manager.db"), migrations(), database.Options{Server: s.opt.Database})
	if err != nil {
		return fmt.Errorf("cloud-task-manager: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if s.store, err = newStore(starting, db, s.shared.me(), s.opt.Advertise); err != nil {
		return fmt.Errorf("cloud-task-manager: %w", err)
	}
	if err := s.loadRevoked(starting); err != nil {
		return fmt.Errorf("cloud-task-manager: %w", err)
	}
	// Not "executions": a client's task manager may share the data folder.
	s.procs, err = supervise.New(supervise.Options{Dir: filepath.Join(s.opt.Data, "server-executions"), Logger: s.log, Grace: s.opt.Grace,
		Limits: s.opt.Limits, Account: s.opt.Account, Warm: s.surroundings().Warm(s.opt.Python, s.opt.Warm, s.configDir())})
	if err != nil {
		return fmt.Errorf("cloud-task-manager: %w", err)
	}
	if reg := s.opt.Base.Registerer; reg != nil {
		if err := reg.Register(launch.NewWarmGauge(launch.Server, s.procs)); err != nil {
			return errors.Join(fmt.Errorf("cloud-task-manager: %w", err), s.procs.Close())
		}
	}
	s.seen.began = time.Now()
	life, endLife := context.WithCancel(starting)
	s.life = life
	defer func() {
		endLife()
		if err = errors.Join(err, s.left, s.leave()); err == nil { // else something may run still
			s.part()
		}
	}()
	if err := s.join(starting); err != nil {
		return fmt.Errorf("cloud-task-manager: join those that share the database: %w", err)
	}
	if err := s.recover(starting); err != nil {
		return fmt.Errorf("cloud-task-manager: take over the tasks of the last run: %w", err)
	}
	return s.serve(ctx, endLife)
}

// serve answers until ctx ends. The functions and the timeline outlive the tasks,
// so that the last words of these are still heard.
func (s *Service) serve(ctx context.Context, endLife func()) error {
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	g, gctx := errgroup.WithContext(serving)
	g.Go(func() error { return s.base.Run(gctx) })
	g.Go(func() error { return s.http.Run(gctx) })
	g.Go(func() error { s.keepLease(gctx); return nil })
	g.Go(func() error { s.followChanges(gctx); return nil })
	g.Go(func() error {
		defer stopServing()
		defer s.feed.close()
		select {
		case <-ctx.Done():
		case <-gctx.Done(): // one of the two above failed
		}
		defer close(s.halted)
		s.gate.close() // from here on no process is started
		endLife()
		defer s.triggers.Wait()
		if s.opt.KeepTasks {
			return nil
		}
		return s.stopAll()
	})
	return g.Wait()
}

// stopAll ends every running task, all at once.
func (s *Service) stopAll() error {
	var g errgroup.Group
	for _, r := range s.runs.all() {
		g.Go(func() error {
			return s.stop(context.Background(), r, end{reason: contract.ReasonServiceStop, detail: "the service stopped"})
		})
	}
	return g.Wait()
}

// gate lets starts through until it is closed; closing waits for those inside.
type gate struct {
	mu     sync.RWMutex
	closed bool
}

func (g *gate) enter() (leave func(), err error) {
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return nil, rpc.Errorf(rpc.Unavailable, "the service is stopping: no task is started any more")
	}
	return g.mu.RUnlock, nil
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}
