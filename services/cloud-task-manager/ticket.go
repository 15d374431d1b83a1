package cloudtaskmanager

import (
	"context"
	"time"

	"github.com/agata-fl/agata/internal/ticket"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// admit opens a ticket for the file service.
func (s *Service) admit(ctx context.Context, token string, upload bool) (context.Context, string, error) {
	use := ticket.Download
	if upload {
		use = ticket.Upload
	}
	t, err := ticket.Check(s.opt.Key, token, use, time.Now())
	if err != nil {
		return nil, "", err
	}
	return rpc.WithIdentity(ctx, t.Who), t.Task, nil
}

// withTickets gives each of a client's offers a ticket for its files.
func (s *Service) withTickets(tasks []contract.OfferedTask, userID string) error {
	if s.opt.Key.IsZero() {
		return nil
	}
	who, now := rpc.Identity{Kind: rpc.Client, Name: userID}, time.Now()
	for i := range tasks {
		text, _, err := ticket.Mint(s.opt.Key, ticket.Download, tasks[i].ID, who, now)
		if err != nil {
			return err
		}
		tasks[i].DownloadToken = text
	}
	return nil
}
