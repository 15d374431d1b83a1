package clientgateway

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// maxCommands bounds the commands of one answer, and those of the downlink that
	// wait; more come with the next.
	maxCommands = 100
	// commandTimeout bounds what a command may take, and wakeTimeout a wake.
	commandTimeout = 5 * time.Second
	wakeTimeout    = 2 * time.Second
)

// commands carries out what the cloud wants of the client, one at a time. A
// command comes by the downlink and with the answers to reports until its outcome
// is told, and is carried out once.
type commands struct {
	transport rpc.Transport
	log       *slog.Logger
	news      chan struct{} // has room for one: there are outcomes to tell

	turn  sync.Mutex // held while one is carried out
	known *outcomes

	mu     sync.Mutex
	untold []contract.CommandResult
}

func newCommands(transport rpc.Transport, known *outcomes, log *slog.Logger) *commands {
	return &commands{transport: transport, log: log, known: known, news: make(chan struct{}, 1)}
}

// obey carries out commands and keeps their outcomes to be told. Of one that comes
// again, since its outcome did not reach the cloud, the first outcome is told.
func (c *commands) obey(ctx context.Context, list []contract.Command) {
	for _, cmd := range list {
		switch {
		case cmd.Kind == contract.CommandWake:
			c.wake(ctx, wakeOf(cmd, time.Now()))
		case cmd.ID == "": // nobody waits for its outcome
			c.carryOut(ctx, cmd)
		default:
			c.tell(c.once(ctx, cmd))
		}
	}
}

func (c *commands) once(ctx context.Context, cmd contract.Command) contract.CommandResult {
	c.turn.Lock()
	defer c.turn.Unlock()
	if result, known := c.known.of(cmd.ID); known {
		return result
	}
	result := c.carryOut(ctx, cmd)
	if err := c.known.remember(result); err != nil {
		c.log.Warn("the outcome of a command is not on disk: a restart would forget it", "id", cmd.ID, "err", err)
	}
	return result
}

// carryOut does what one command asks for, on the client's broker.
func (c *commands) carryOut(ctx context.Context, cmd contract.Command) contract.CommandResult {
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

// wakeOf is what the client's task manager is told of a wake that came at a time.
func wakeOf(cmd contract.Command, came time.Time) contract.WakeRequest {
	return contract.WakeRequest{TaskID: cmd.Task, Change: cmd.Change, Execution: cmd.Execution, At: float64(cmd.At(came).UnixMicro()) / 1e6}
}

// wake passes a wake on. It may be lost: the client asks for tasks all the same.
func (c *commands) wake(ctx context.Context, req contract.WakeRequest) {
	ctx, cancel := context.WithTimeout(ctx, wakeTimeout)
	defer cancel()
	if _, err := rpc.Call(ctx, c.transport, contract.Wake, req); err != nil {
		c.log.Debug("the client's task manager was not woken", "task_id", req.TaskID, "err", err)
	}
}

// tell puts an outcome among those to be told.
func (c *commands) tell(r contract.CommandResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.ContainsFunc(c.untold, func(o contract.CommandResult) bool { return o.ID == r.ID }) {
		c.untold = append(c.untold, r)
	}
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// results are the outcomes to be told, as many as a report holds.
func (c *commands) results() []contract.CommandResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.untold[:min(len(c.untold), maxCommands)])
}

// told forgets outcomes that need not be told any more.
func (c *commands) told(done []contract.CommandResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.untold = slices.DeleteFunc(c.untold, func(r contract.CommandResult) bool {
		return slices.ContainsFunc(done, func(o contract.CommandResult) bool { return o.ID == r.ID })
	})
}
