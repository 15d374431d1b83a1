package clientgateway

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Options of a [Service]. URL and Base's Transport and Schemas are required.
type Options struct {
	// URL is where the cloud gateway is, such as "http://cloud:9001".
	URL string
	// TLS says which certificates are trusted, and which one is shown, where URL is
	// https; nil: the system's, and none.
	TLS *tls.Config
	// UserID is the client's. With one, the gateway tells the cloud's history that
	// the client is there, at least once an Interval, and what happens at it, if
	// Base.Records is set; and it carries out what the cloud wants of it, as its
	// downlink tells.
	UserID   string
	Interval time.Duration // 10 s if zero
	// CredentialFile holds what the client shows the cloud; without it there, the
	// client enrols with EnrolToken, if it has one, and keeps what it is given there.
	CredentialFile, EnrolToken string
	// Data is the folder of commands.json, the outcomes of what was carried out; it
	// is made when missing. "": they are in memory only.
	Data string
	// Base is how the service stands on the client's broker; its names are set
	// here.
	Base baseservice.Options
}

// Service is the client gateway.
type Service struct {
	base  *baseservice.Service
	cloud *cloud
	// nil without a user id:
	courier  *courier
	downlink *downlink
}

// New checks the options; it starts nothing.
func New(opt Options) (*Service, error) {
	c, err := newCloud(opt.URL, opt.TLS)
	if err != nil {
		return nil, err
	}
	opt.Base.Name, opt.Base.EventName = "client-gateway", contract.EventClientGateway
	base, err := baseservice.New(opt.Base)
	if err != nil {
		return nil, err
	}
	c.client.Transport = &credential{
		path: opt.CredentialFile, token: opt.EnrolToken, url: c.url, userID: opt.UserID, next: c.client.Transport, log: base.Logger(),
	}
	s := &Service{base: base, cloud: c}
	if opt.UserID != "" {
		if opt.Interval == 0 {
			opt.Interval = 10 * time.Second
		}
		commands := newCommands(opt.Base.Transport, s.outcomes(opt.Data), base.Logger())
		s.downlink = newDownlink(c, opt.UserID, opt.Interval, commands, base.Logger())
		s.courier = &courier{
			cloud: c, path: clientPath(opt.UserID) + "/records", transport: opt.Base.Transport, commands: commands, records: opt.Base.Records, interval: opt.Interval,
			log: base.Logger(), told: newTold(opt.Base.Registerer), in: make(chan delivery), stopping: make(chan struct{}), back: make(chan struct{}, 1),
		}
	}
	s.redirect(contract.UpdateUser.Name, "rpc_redirect_update_user_info", "update user info msg")
	s.redirect(contract.RequestTasks.Name, "rpc_redirect_client_requesting_task", "task request msg")
	return s, nil
}

// outcomes are those in a folder. Without them a command may be carried out once
// more, which is better than a client that does not start.
func (s *Service) outcomes(folder string) *outcomes {
	path := folder
	if folder != "" {
		path = filepath.Join(folder, "commands.json")
	}
	known, err := loadOutcomes(path)
	if err != nil {
		s.base.Logger().Warn("the outcomes of earlier commands are lost", "err", err)
	}
	return known
}

// redirect serves a function by the cloud's; event and what are its names on the
// timeline.
func (s *Service) redirect(fn, event, what string) {
	raw := contract.Function[json.RawMessage, json.RawMessage]{Name: fn}
	baseservice.Handle(s.base, raw, func(ctx context.Context, body json.RawMessage) (json.RawMessage, error) {
		s.base.Routine(ctx, contract.About{}, event, "Started redirecting "+what)
		value, err := s.cloud.call(ctx, fn, body, s.later(ctx, fn))
		if _, ok := errors.AsType[*unreachableError](err); !ok && s.courier != nil {
			s.courier.heard()
		} else if ok {
			// The caller gets the wire's text, which says nothing of the cause.
			s.base.Logger().Warn("the cloud gateway gave no valid answer", "fn", fn, "url", s.cloud.url, "err", errors.Unwrap(err))
		}
		s.base.Routine(ctx, contract.About{}, event, "Finished redirecting "+what)
		return value, err
	}, baseservice.Concurrency(concurrency))
}

// later passes on when a busy cloud wants to be asked for tasks again. It may be
// lost: then that is as soon as ever.
func (s *Service) later(ctx context.Context, fn string) func(seconds float64) {
	if fn != contract.RequestTasks.Name || s.courier == nil {
		return nil
	}
	return func(seconds float64) {
		ctx, cancel := context.WithTimeout(ctx, wakeTimeout)
		defer cancel()
		if _, err := rpc.Call(ctx, s.courier.transport, contract.Wake, contract.WakeRequest{PollAfter: seconds}); err != nil {
			s.base.Logger().Debug("the client's task manager was not told that the cloud is busy", "err", err)
		}
	}
}

// Started is closed when the functions are served for the first time.
func (s *Service) Started() <-chan struct{} { return s.base.Started() }

// Run serves until ctx ends; it returns nil on a clean stop. A Service runs
// once. The cloud need not be there: calls are answered with an error until it is.
func (s *Service) Run(ctx context.Context) error {
	defer s.cloud.client.CloseIdleConnections()
	if s.courier == nil {
		return s.base.Run(ctx)
	}
	// The courier ends last, so that the last events reach the cloud as well.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var g errgroup.Group
	g.Go(func() error { s.courier.run(life); return nil })
	linked, unlink := context.WithCancel(ctx)
	defer unlink()
	g.Go(func() error { s.downlink.run(linked); return nil })
	err := s.base.Run(ctx)
	unlink()
	close(s.courier.stopping)
	defer time.AfterFunc(lastWords, end).Stop()
	return errors.Join(err, g.Wait())
}
