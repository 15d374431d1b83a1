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
	"github.com/agata-fl/agata/internal/database"
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
func (a *App) base(ctx context.Context, name, client string, b config.Broker) (baseservice.Options, cloudgateway.Transport, error) {
	reg := prometheus.WrapRegistererWith(prometheus.Labels{"client": client}, a.registry)
	var t cloudgateway.Transport
	t, err := a.connect(ctx, name, b, reg)
	if err == nil && client == "" {
		t, err = a.sealed(name, t, reg)
	}
	return baseservice.Options{
		Version: a.build.Version, Transport: t, Schemas: a.schemas, Logger: a.log, Registerer: reg,
		HideErrors: a.cfg.RPC.HideErrors, Events: a.cfg.Events.Register, Records: a.cfg.History.Records, Client: client,
		Spool: a.outbox(name, 0), SpoolBytes: a.cfg.Outbox.MaxBytes(), Alone: client == "" && a.alone(),
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
		s, err := usermanager.New(usermanager.Options{Data: a.cfg.Data, Database: Database(a.cfg), Base: base})
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

// Database is the one that the cloud's services share; none if each has a file.
func Database(cfg *config.Config) database.Server {
	s := cfg.Store
	return database.Server{URL: s.URL, PasswordFile: s.PasswordFile, Connections: s.Connections}
}

func (a *App) newGateway(ctx context.Context) (*cloudgateway.Service, error) {
	if !a.has(CloudGateway) {
		return nil, nil
	}
	if err := a.exposeServer(ctx, "server.gateway.host", a.cfg.Gateway.Host, "the gateway"); err != nil {
		return nil, err
	}
	base, transport, err := a.base(ctx, CloudGateway, "", a.cfg.ServerBroker)
	if err != nil {
		return nil, err
	}
	auth, err := a.gatewayAuth()
	if err != nil {
		return nil, err
	}
	entries, err := a.openAudit(CloudGateway)
	if err != nil {
		return nil, err
	}
	console, _ := web.App() // nil if it was not built
	gw, err := cloudgateway.New(cloudgateway.Options{
		Addr: listen(a.cfg.Gateway.Host, a.cfg.Gateway.Port), Base: base, Transport: transport, Gatherer: a.registry, Timeout: a.cfg.RPC.Timeout,
		Data: a.cfg.Data, Database: Database(a.cfg), Retention: a.cfg.History.Keep, MaxEvents: int64(a.cfg.History.MaxEvents),
		TLS: a.tls.server, FilesURL: a.cfg.FilesURL, FilesTLS: a.tls.client, MaxFileBytes: a.cfg.Files.MaxFileBytes(), Console: console, Auth: auth, Audit: entries,
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
	if err := a.exposeServer(ctx, "server.files.host", a.cfg.Files.Host, "the file server"); err != nil {
		return err
	}
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
	entries, err := a.openAudit(CloudTaskManager)
	if err != nil {
		return err
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	account, err := a.taskAccount()
	if err != nil {
		return err
	}
	s, err := cloudtaskmanager.New(cloudtaskmanager.Options{
		Key: key, OpenUploads: a.cfg.Auth.Peers,
		Audit: entries,
		Base:  base, Data: a.cfg.Data, Database: Database(a.cfg), Work: a.cfg.Tasks.WorkCloud, ConfigDir: dir,
		Python: a.cfg.Tasks.Python, PythonPath: pythonPath, Warm: a.cfg.Tasks.Warm, TrustedKeys: a.cfg.Tasks.TrustedKeys,
		FilesAddr: listen(a.cfg.Files.Host, a.cfg.Files.Port), TLS: a.tls.server, FilesLimits: artifact.Limits{FileBytes: a.cfg.Files.MaxFileBytes()},
		AllowOrigin: "*", Limits: a.limits(), Account: account, Environment: a.cfg.Tasks.Environment, Stall: a.cfg.Tasks.Stall,
		Grace: a.cfg.Tasks.Grace, KeepTasks: a.opt.KeepTasks, Lease: a.cfg.Tasks.Lease, Advertise: a.cfg.Tasks.Advertise,
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

// outbox is the folder in which what a service tells waits for its broker; i counts
// the clients that run here.
func (a *App) outbox(service string, i int) string {
	return filepath.Join(a.cfg.Data, "outbox", nth(service, i))
}

// clientData is the folder of what one service of a client keeps.
func (a *App) clientData(service string, i int) string {
	return filepath.Join(a.cfg.Data, nth(service, i))
}

// nth is the name of a service's folder; i counts the clients that run here.
func nth(service string, i int) string {
	if i > 0 {
		service = fmt.Sprintf("%s-%d", service, i+1)
	}
	return service
}
