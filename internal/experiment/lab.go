package experiment

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// lab is a cloud, its clients, an operator, and a reader of all events.
type lab struct {
	opt       Options
	dir       string // of all state
	began     float64
	cloud     *config.Config
	collector *timeline.Collector
	operator  *amqpx.Transport
	recorder  *baseservice.Recorder

	group  *errgroup.Group
	ctx    context.Context
	cancel context.CancelCauseFunc
	// stops end the parts, the youngest first.
	stops []func()
}

// errDone ends the lab's parts when the story is told.
var errDone = errors.New("the experiment is over")

// newLab starts a cloud with its collector and operator.
func newLab(ctx context.Context, opt Options, dir string) (*lab, error) {
	l := &lab{opt: opt, dir: dir, began: float64(time.Now().UnixNano()) / 1e9, collector: timeline.NewCollector(opt.Logger)}
	ctx, l.cancel = context.WithCancelCause(ctx)
	l.group, l.ctx = errgroup.WithContext(ctx)
	cfg, err := l.config("cloud", opt.CloudBroker, nil)
	if err != nil {
		return nil, err
	}
	l.cloud = cfg
	if err := l.up(cfg, app.UserManager, app.CloudTaskManager, app.CloudGateway); err != nil {
		return nil, errors.Join(err, l.close())
	}
	if err := l.startOperator(); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// config is the configuration of one side. A broker "" is embedded on a free
// port.
func (l *lab) config(side, broker string, more map[string]string) (*config.Config, error) {
	set := map[string]string{
		"events.register_events": "true", "server.gateway.port": "0", "server.files.port": "0", "log.level": "warn",
		"broker.mode": "embedded", "client.broker.host": "127.0.0.1", "server.broker.host": "127.0.0.1",
		"client.broker.port": "0", "server.broker.port": "0", "tasks.python": l.opt.Python,
	}
	section := "server.broker"
	if side != "cloud" {
		section = "client.broker"
	}
	if broker != "" {
		host, port, err := net.SplitHostPort(broker)
		if err != nil {
			return nil, fmt.Errorf("the %s broker %q is not host:port", side, broker)
		}
		set["broker.mode"], set[section+".host"], set[section+".port"] = "external", host, port
		if section == "client.broker" {
			set["server.broker.port"] = strconv.Itoa(l.cloud.ServerBroker.Port)
		} else {
			set["client.broker.port"] = "1" // none on the cloud's side
		}
	}
	for k, v := range more {
		set[k] = v
	}
	return config.Load(config.LoadOptions{Data: filepath.Join(l.dir, side), Overrides: set})
}

// up starts services and waits until they are up.
func (l *lab) up(cfg *config.Config, services ...string) error {
	a, err := app.New(app.Options{Config: cfg, Logger: l.opt.Logger, Services: services})
	if err != nil {
		return err
	}
	return l.start(a.Run, a.Started())
}

// start runs a part until close and waits until it is up.
func (l *lab) start(run func(context.Context) error, started <-chan struct{}) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.ctx))
	done := make(chan struct{})
	var ended error // once done is closed
	l.stops = append(l.stops, func() { cancel(); <-done })
	l.group.Go(func() error {
		defer close(done)
		ended = run(ctx)
		return ended
	})
	select {
	case <-started:
		return nil
	case <-done:
		if ended == nil {
			return errors.New("a part of the experiment was stopped while it started")
		}
		return fmt.Errorf("start a part of the experiment: %w", ended)
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	}
}

// close ends everything, the youngest part first.
func (l *lab) close() error {
	for i := len(l.stops) - 1; i >= 0; i-- {
		l.stops[i]()
	}
	l.cancel(errDone)
	return l.group.Wait()
}

// startOperator starts the operator's connection, and the reader of the cloud's
// events.
func (l *lab) startOperator() error {
	t, err := l.connect(l.cloud.ServerBroker)
	if err != nil {
		return err
	}
	l.operator = t
	l.recorder = baseservice.NewRecorder(baseservice.RecorderOptions{
		Publisher: t, Service: contract.EventOperator, Events: true, Records: true, Logger: l.opt.Logger,
	})
	up := make(chan struct{})
	close(up)
	return l.start(l.recorder.Run, up)
}

// dial makes a transport to a broker; it is not running yet.
func (l *lab) dial(b config.Broker) (*amqpx.Transport, error) {
	var secure *tls.Config
	if b.TLS {
		var err error
		if secure, err = pki.ClientConfig(l.cloud.TLS, l.opt.Logger); err != nil {
			return nil, err
		}
	}
	return amqpx.New(amqpx.Options{Host: b.Host, Port: b.Port, User: b.User, Password: b.Password.Reveal(), VHost: b.VHost, TLS: secure,
		Name: "agata/experiment", Compat: l.cloud.Broker.Compat, Logger: l.opt.Logger})
}

// connect makes a running transport and reads the events of its broker.
func (l *lab) connect(b config.Broker) (*amqpx.Transport, error) {
	t, err := l.dial(b)
	if err != nil {
		return nil, err
	}
	up := make(chan struct{})
	close(up)
	if err := l.start(t.Run, up); err != nil {
		return nil, err
	}
	if err := t.Ready(l.ctx); err != nil {
		return nil, err
	}
	return t, l.start(func(ctx context.Context) error { return l.collector.Run(ctx, t) }, up)
}

// startClient starts the client side number i, from 1.
func (l *lab) startClient(i int) (*config.Config, error) {
	name := fmt.Sprintf("client-%d", i)
	broker := l.opt.ClientBroker
	if i > 1 {
		broker = "" // the given one is the first client's
	}
	cfg, err := l.config(name, broker, map[string]string{
		"server.gateway.url": l.cloud.GatewayURL(), "server.files.url": l.cloud.FilesURL(),
		"client.info.user_id": name, "client.params.request_interval": l.opt.interval(),
	})
	if err != nil {
		return nil, err
	}
	if err := l.up(cfg, app.ClientGateway, app.ClientTaskManager); err != nil {
		return nil, err
	}
	_, err = l.connect(cfg.ClientBroker)
	return cfg, err
}

// events are those of this run: a broker may hold older ones.
func (l *lab) events() []contract.Event {
	var own []contract.Event
	for _, e := range l.collector.Events() {
		if e.Time >= l.began {
			own = append(own, e)
		}
	}
	return own
}

// next waits for the nth event of this run that matches.
func (l *lab) next(ctx context.Context, n int, match func(contract.Event) bool) (contract.Event, error) {
	return l.collector.Wait(ctx, n, func(e contract.Event) bool { return e.Time >= l.began && match(e) })
}

// await waits for the nth event of this run with a text.
func (l *lab) await(ctx context.Context, n int, text string) error {
	if _, err := l.next(ctx, n, timeline.Text(text)); err != nil {
		return fmt.Errorf("wait for %q: %w", text, err)
	}
	return nil
}

func silent(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
