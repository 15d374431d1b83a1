package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/config"
	clientgateway "github.com/agata-fl/agata/services/client-gateway"
	clienttaskmanager "github.com/agata-fl/agata/services/client-task-manager"
)

// startClients starts the client sides: the configured one, and as many more
// as were asked for, each with a broker and a folder of its own.
func (a *App) startClients(ctx context.Context) error {
	if !a.has(ClientGateway) && !a.has(ClientTaskManager) {
		return nil
	}
	for i := range a.opt.Clients {
		broker, user, work := a.cfg.ClientBroker, a.cfg.Info.UserID, a.cfg.Tasks.WorkClient
		if i > 0 {
			broker.Port, broker.Hosts = 0, nil
			user = fmt.Sprintf("%s-%d", user, i+1)
			work = fmt.Sprintf("%s-%d", work, i+1)
			if err := a.startOwnBroker(ctx, user, &broker); err != nil {
				return err
			}
		}
		a.info.ClientBroker = append(a.info.ClientBroker, strings.Join(broker.Addrs(), ","))
		if err := a.startClient(ctx, i, broker, user, work); err != nil {
			return err
		}
	}
	return nil
}

// startOwnBroker starts the embedded broker of a further client, whatever the
// mode: the configured address belongs to the first.
func (a *App) startOwnBroker(ctx context.Context, user string, b *config.Broker) error {
	mode := a.cfg.Broker.Mode
	a.cfg.Broker.Mode = config.ModeEmbedded
	defer func() { a.cfg.Broker.Mode = mode }()
	b.Host = "127.0.0.1"
	return a.startBroker(ctx, user, b)
}

func (a *App) startClient(ctx context.Context, i int, broker config.Broker, user, work string) error {
	if a.has(ClientGateway) {
		base, _, err := a.base(ctx, ClientGateway, user, broker)
		if err != nil {
			return err
		}
		base.Spool = a.outbox(ClientGateway, i)
		s, err := clientgateway.New(clientgateway.Options{URL: a.cfg.GatewayURL(), TLS: a.tls.client, UserID: user, Interval: a.cfg.Client.RequestInterval, Base: base,
			Data: a.clientData(ClientGateway, i), CredentialFile: a.credentialFile(i), EnrolToken: a.cfg.ClientAuth.Token.Reveal()})
		if err != nil {
			return err
		}
		if err := a.run(ctx, ClientGateway, s); err != nil {
			return err
		}
	}
	if !a.has(ClientTaskManager) {
		return nil
	}
	base, _, err := a.base(ctx, ClientTaskManager, user, broker)
	if err != nil {
		return err
	}
	base.Spool = a.outbox(ClientTaskManager, i)
	pythonPath, err := a.pythonPath()
	if err != nil {
		return err
	}
	dir, err := a.taskDir()
	if err != nil {
		return err
	}
	account, err := a.taskAccount()
	if err != nil {
		return err
	}
	info := map[string]any{"data_qnt": a.cfg.Info.DataQnt, "sensors": a.cfg.Info.Sensors}
	for _, at := range a.cfg.Info.Attributes {
		info[at.Name] = at.Value
	}
	s, err := clienttaskmanager.New(clienttaskmanager.Options{
		Base: base, UserID: user, Info: info, Work: work, Data: a.clientData(ClientTaskManager, i), ConfigDir: dir,
		Python: a.cfg.Tasks.Python, PythonPath: pythonPath, Warm: a.cfg.Tasks.Warm, FilesURL: a.cfg.FilesURL(), TLS: a.tls.client,
		FilesLimits: artifact.Limits{FileBytes: a.cfg.Files.MaxFileBytes()}, TrustedKeys: a.cfg.Tasks.TrustedKeys,
		Interval: a.cfg.Client.RequestInterval, Policy: string(a.cfg.Client.Policy), MaxTasks: a.cfg.Client.MaxTasks,
		Grace: a.cfg.Tasks.Grace, Limits: a.limits(), Account: account, Environment: a.cfg.Tasks.Environment, Stall: a.cfg.Tasks.Stall, QuarantineFor: a.cfg.Tasks.Quarantine, RestartAttempts: a.cfg.Tasks.RestartAttempts,
		KeepTasks: a.opt.KeepTasks,
	})
	if err != nil {
		return err
	}
	return a.run(ctx, ClientTaskManager, s)
}

// credentialFile is where a client's credential is.
func (a *App) credentialFile(i int) string {
	if i == 0 {
		return a.cfg.ClientAuth.CredentialFile
	}
	return fmt.Sprintf("%s-%d", a.cfg.ClientAuth.CredentialFile, i+1)
}
