package clientgateway

import (
	"context"
	"fmt"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxCommands bounds the commands of one answer; more come with the next.
	maxCommands = 100
	// maxObeyed bounds the commands whose outcome is remembered.
	maxObeyed = 1000
	// commandTimeout bounds what a command may take.
	commandTimeout = 5 * time.Second
)

// obey carries out the commands that came with the last answers. One that comes
// again, since its outcome did not reach the cloud, is not carried out again.
func (c *courier) obey(ctx context.Context) {
	for _, cmd := range c.todo {
		result, known := c.obeyed[cmd.ID]
		if !known {
			result = c.carryOut(ctx, cmd)
			c.remember(result)
		}
		c.done = append(c.done, result)
	}
	c.todo = nil
}

func (c *courier) remember(r contract.CommandResult) {
	if c.obeyed == nil {
		c.obeyed = map[string]contract.CommandResult{}
	}
	if len(c.obeyedBy) >= maxObeyed {
		delete(c.obeyed, c.obeyedBy[0])
		c.obeyedBy = c.obeyedBy[1:]
	}
	c.obeyed[r.ID] = r
	c.obeyedBy = append(c.obeyedBy, r.ID)
}

// carryOut does what one command asks for, on the client's broker.
func (c *courier) carryOut(ctx context.Context, cmd contract.Command) contract.CommandResult {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	var err error
	switch cmd.Kind {
	case contract.CommandRelease:
		_, err = rpc.Call(ctx, c.transport, contract.ReleaseTask, contract.TaskIDRequest{TaskID: cmd.Task})
	case contract.CommandRevoke:
		_, err = rpc.Call(ctx, c.transport, contract.RevokeBundle, contract.RevokeRequest{Digest: cmd.Digest, TaskID: cmd.Task})
	default:
		err = fmt.Errorf("this client does not know the command %q: it may be older than the cloud", cmd.Kind)
	}
	result := contract.CommandResult{ID: cmd.ID}
	if err != nil {
		result.Error = err.Error()
	}
	c.log.Info("carried out a command of the cloud", "id", cmd.ID, "kind", cmd.Kind, "task_id", cmd.Task, "err", err)
	return result
}
