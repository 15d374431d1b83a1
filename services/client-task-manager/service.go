package clienttaskmanager

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// Policies: how many of the offered tasks a client runs.
const (
	PolicyOne = "one" // the first that fits
	PolicyAll = "all" // every one, up to MaxTasks
)

// Options of a [Service]. Those without a comment that says otherwise are
// required.
type Options struct {
	// Base is how the service stands on the client's broker; its names are set
	// here.
	Base baseservice.Options

	UserID     string
	Info       map[string]any // attributes as in [client.info]
	Work       string         // holds tasks/ and client_info/
	Data       string         // holds executions/, downloads/, quarantine.json and offers.json
	ConfigDir  string         // working directory of tasks
	Python     string         // interpreter of tasks
	PythonPath []string       // put before PYTHONPATH of tasks
	Warm       []string       // modules that an interpreter imports before there is a task for it; none: there is no such interpreter
	FilesURL   string         // of the cloud's file server
	TLS        *tls.Config    // for a FilesURL that is https; nil: the system's authorities
	// FilesLimits bounds what is downloaded for a task; zero: the defaults.
	FilesLimits artifact.Limits
	// TrustedKeys is the file of an allow-list of signers, read at each start of a
	// task: only what one of them signed runs. "": what the cloud offers runs.
	TrustedKeys string

	Interval        time.Duration      // between two polls
	Policy          string             // PolicyOne or PolicyAll
	MaxTasks        int                // bound of PolicyAll
	Limits          supervise.Limits   // of each task
	Account         *supervise.Account // whom tasks run as; nil: as this process
	Environment     []string           // patterns of further variables that tasks may see
	Grace           time.Duration      // from SIGTERM to SIGKILL; 0: 5 s
	QuarantineFor   time.Duration      // after a failure of the task's own; 0: until its files change or it is released
	Stall           time.Duration      // without a sign of life; see [policy.Rhythm]; 0: nothing ever counts as stalled
	RestartAttempts int                // of what fails for want of something else, before quarantine
	KeepTasks       bool               // leave tasks running when the service stops
}

// room is how many tasks run at once.
func (o Options) room() int {
	if o.Policy == PolicyAll {
		return o.MaxTasks
	}
	return 1
}

// Service is a client's task manager.
type Service struct {
	opt        Options
	log        *slog.Logger
	base       *baseservice.Service
	info       *infoFile
	fetcher    *fetcher
	procs      *supervise.Manager
	quarantine *quarantine
	revoked    *revokedList
	metrics    *metrics
	status     status
	state      stateTeller
	attempts   attempts
	loop       *loop
	asked      asking
	wakes      wakes
}

// New checks the options and opens what the client keeps on disk.
func New(opt Options) (*Service, error) {
	if opt.UserID == "" || strings.ContainsAny(opt.UserID, "/\\\x00") || opt.UserID == "." || opt.UserID == ".." {
		return nil, fmt.Errorf("client-task-manager: user_id %q is empty or holds a path separator: set user_id in section [client.info] of config.ini", opt.UserID)
	}
	if opt.Policy != PolicyOne && opt.Policy != PolicyAll {
		return nil, fmt.Errorf("client-task-manager: policy %q is neither one nor all: set policy in section [client.params] of config.ini", opt.Policy)
	}
	if opt.Interval <= 0 || opt.MaxTasks < 1 {
		return nil, fmt.Errorf("client-task-manager: the interval %s and the bound of %d tasks must be positive", opt.Interval, opt.MaxTasks)
	}
	opt.Base.Name, opt.Base.EventName = "client-task-manager", contract.EventClientTasks
	base, err := baseservice.New(opt.Base)
	if err != nil {
		return nil, err
	}
	s := &Service{opt: opt, base: base, log: base.Logger(), metrics: newMetrics(opt.Base.Registerer), wakes: newWakes()}
	if s.info, err = newInfoFile(opt.Work, opt.UserID, opt.Info); err != nil {
		return nil, fmt.Errorf("client-task-manager: %w", err)
	}
	if s.fetcher, err = newFetcher(opt, s.log); err != nil {
		return nil, fmt.Errorf("client-task-manager: %w", err)
	}
	// Tasks may change what the client says of itself; the folder is not theirs, so
	// that nothing but this file can be under its name.
	if err := opt.Account.Own(s.info.path); err != nil {
		return nil, fmt.Errorf("client-task-manager: %w", err)
	}
	if s.quarantine, err = openQuarantine(opt, s.log); err != nil {
		return nil, fmt.Errorf("client-task-manager: %w", err)
	}
	if s.revoked, err = openRevoked(opt.Data); err != nil {
		return nil, fmt.Errorf("client-task-manager: %w", err)
	}
	if opt.TrustedKeys != "" {
		if _, err := bundle.LoadKeys(opt.TrustedKeys); err != nil {
			return nil, fmt.Errorf("client-task-manager: no task could run: %w", err)
		}
	}
	s.procs, err = supervise.New(supervise.Options{Dir: filepath.Join(opt.Data, "executions"), Logger: s.log, Grace: opt.Grace, Limits: opt.Limits, Account: opt.Account,
		Warm: opt.surroundings().Warm(opt.Python, opt.Warm, opt.ConfigDir)})
	if err != nil {
		return nil, fmt.Errorf("client-task-manager: %w", err)
	}
	s.metrics.watch(s.procs)
	if s.loop, err = newLoop(s); err != nil {
		return nil, fmt.Errorf("client-task-manager: %w", err)
	}
	baseservice.Handle(base, contract.ClientStatus, s.clientStatus)
	baseservice.Handle(base, contract.ReleaseTask, s.releaseTask)
	baseservice.Handle(base, contract.Wake, s.wake)
	baseservice.Handle(base, contract.RevokeBundle, s.revokeBundle)
	return s, nil
}

// Started is closed when the service answers calls.
func (s *Service) Started() <-chan struct{} { return s.base.Started() }

// Run manages tasks until ctx ends; then it stops them, or leaves them to the
// next manager when KeepTasks is set.
func (s *Service) Run(ctx context.Context) error {
	defer s.fetcher.Close()
	// The base ends after the loop, so that the events of the last stops go out.
	baseCtx, stopBase := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBase()
	g, gctx := errgroup.WithContext(baseCtx)
	g.Go(func() error { return s.base.Run(gctx) })
	g.Go(func() error {
		defer stopBase()
		loopCtx, cancel := context.WithCancel(gctx)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		select {
		case <-s.base.Started():
		case <-loopCtx.Done():
		}
		return s.loop.run(loopCtx)
	})
	return errors.Join(g.Wait(), s.procs.Close())
}
