package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	cloudgateway "github.com/agata-fl/agata/services/cloud-gateway"
	cloudtaskmanager "github.com/agata-fl/agata/services/cloud-task-manager"
	usermanager "github.com/agata-fl/agata/services/user-manager"
	"github.com/agata-fl/agata/web"
)

// service is what every service is, once made.
type service interface {
	Run(context.Context) error
	Started() <-chan struct{}
}

// base connects a service to its broker and fills in what all have in common.
// client is "" on the cloud's side.
func (a *App) base(ctx context.Context, name, client string, b config.Broker) (baseservice.Options, *amqpx.Transport, error) {
	reg := prometheus.WrapRegistererWith(prometheus.Labels{"client": client}, a.registry)
	t, err := a.connect(ctx, name, b, reg)
	return baseservice.Options{
		Version: a.build.Version, Transport: t, Schemas: a.schemas, Logger: a.log, Registerer: reg,
		HideErrors: a.cfg.RPC.HideErrors, Events: a.cfg.Events.Register, Records: a.cfg.History.Records, Client: client,
	}, t, err
}

func (a *App) run(ctx context.Context, name string, s service) error {
	return a.group.start(ctx, module{name: name, run: s.Run, started: s.Started()})
}

func listen(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// portOf is the port that was really bound.
func portOf(addr string) (int, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

func (a *App) startCloud(ctx context.Context) error {
	if a.has(UserManager) {
		base, _, err := a.base(ctx, UserManager, "", a.cfg.ServerBroker)
		if err != nil {
			return err
		}
		s, err := usermanager.New(usermanager.Options{Data: a.cfg.Data, Base: base})
		if err != nil {
			return err
		}
		if err := a.run(ctx, UserManager, s); err != nil {
			return err
		}
	}
	// The gateway binds its port before a task can be launched that reads it,
	// and serves last, when what it forwards to is up.
	gateway, err := a.newGateway(ctx)
	if err != nil {
		return err
	}
	if a.has(CloudTaskManager) {
		if err := a.startTaskManager(ctx); err != nil {
			if gateway != nil {
				err = errors.Join(err, gateway.Close())
			}
			return err
		}
	}
	if gateway == nil {
		return nil
	}
	return a.run(ctx, CloudGateway, gateway)
}

func (a *App) newGateway(ctx context.Context) (*cloudgateway.Service, error) {
	if !a.has(CloudGateway) {
		return nil, nil
	}
	base, transport, err := a.base(ctx, CloudGateway, "", a.cfg.ServerBroker)
	if err != nil {
		return nil, err
	}
	console, _ := web.App() // nil if it was not built
	gw, err := cloudgateway.New(cloudgateway.Options{
		Addr: listen(a.cfg.Gateway.Host, a.cfg.Gateway.Port), Base: base, Transport: transport, Gatherer: a.registry, Timeout: a.cfg.RPC.Timeout,
		Data: a.cfg.Data, Retention: a.cfg.History.Keep, MaxEvents: int64(a.cfg.History.MaxEvents),
		FilesURL: a.cfg.FilesURL, MaxFileBytes: a.cfg.Files.MaxFileBytes(), Console: console,
	})
	if err != nil {
		return nil, portHint(err, "gateway", a.cfg.Gateway.Port)
	}
	if a.cfg.Gateway.Port, err = portOf(gw.Addr()); err != nil {
		return nil, errors.Join(err, gw.Close())
	}
	a.info.GatewayURL = a.cfg.GatewayURL()
	return gw, nil
}

func (a *App) startTaskManager(ctx context.Context) error {
	base, _, err := a.base(ctx, CloudTaskManager, "", a.cfg.ServerBroker)
	if err != nil {
		return err
	}
	pythonPath, err := a.pythonPath()
	if err != nil {
		return err
	}
	// The file server's port is left to chance only in tests and experiments,
	// where the working directory is the data folder in any case.
	dir, err := a.taskDir()
	if err != nil {
		return err
	}
	account, err := a.taskAccount()
	if err != nil {
		return err
	}
	s, err := cloudtaskmanager.New(cloudtaskmanager.Options{
		Base: base, Data: a.cfg.Data, Work: a.cfg.Tasks.WorkCloud, ConfigDir: dir,
		Python: a.cfg.Tasks.Python, PythonPath: pythonPath,
		FilesAddr: listen(a.cfg.Files.Host, a.cfg.Files.Port), FilesLimits: artifact.Limits{FileBytes: a.cfg.Files.MaxFileBytes()},
		AllowOrigin: "*", Limits: a.limits(), Account: account, Environment: a.cfg.Tasks.Environment, Stall: a.cfg.Tasks.Stall, Grace: a.cfg.Tasks.Grace, KeepTasks: a.opt.KeepTasks,
	})
	if err != nil {
		return portHint(err, "file server", a.cfg.Files.Port)
	}
	if a.cfg.Files.Port, err = portOf(s.FilesAddr()); err != nil {
		return errors.Join(err, s.Close())
	}
	a.info.FilesURL = a.cfg.FilesURL()
	return a.run(ctx, CloudTaskManager, s)
}

// clientData is the folder of one client's state.
func (a *App) clientData(i int) string {
	if i == 0 {
		return filepath.Join(a.cfg.Data, "client-task-manager")
	}
	return filepath.Join(a.cfg.Data, fmt.Sprintf("client-task-manager-%d", i+1))
}
