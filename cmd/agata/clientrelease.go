package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

func (c *cli) clientReleaseCommand() *cobra.Command {
	var client string
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "release TASK",
		Short: "Let a client run a task again that it keeps from running",
		Long: `Let a client run a task again that it keeps from running. With --client it asks that
client through the cloud, which the client hears when it reports next; --wait waits
for that. Without, it asks this machine's own client at its broker, at once.`,
		Example: "  agata client release digits --client car-7 --wait\n  agata client release digits",
		Args:    args(1, "the task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTimeout(timeout); err != nil {
				return err
			}
			if client != "" {
				return c.releaseAt(cmd.Context(), client, args[0], wait, timeout)
			}
			if wait {
				return usagef("--wait is for --client: this machine's own client is asked at once")
			}
			if _, err := askOver(cmd.Context(), c, clientSide, contract.ReleaseTask, contract.TaskIDRequest{TaskID: args[0]}); err != nil {
				return err
			}
			fmt.Fprintf(c.err, "released task %s; the client's next request for tasks may start it\n", args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&client, "client", "", "the client's user id, asked through the cloud")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the client has done it")
	timeoutFlag(cmd.Flags(), &timeout)
	complete(cmd, "client", c.clientIDs)
	return cmd
}

// releaseAt asks a client through the cloud.
func (c *cli) releaseAt(ctx context.Context, client, task string, wait bool, timeout time.Duration) error {
	return c.api(ctx, func(ctx context.Context, api *apiclient.Client) error {
		command, err := api.Release(ctx, client, task)
		if err != nil {
			return advise(advise(err, task), client)
		}
		if wait {
			err = until(ctx, timeout, fmt.Sprintf("client %s has not done it yet; it does when it reports next", client), func(ctx context.Context) (bool, error) {
				now, err := api.Command(ctx, command.Value.ID)
				if err == nil {
					command = now
				}
				return command.Value.State != apiclient.CommandPending, err
			})
			if err != nil {
				return err
			}
		}
		switch command.Value.State {
		case apiclient.CommandFailed:
			err = fmt.Errorf("client %s could not release task %s: %s", client, task, cell(command.Value.Error))
		case apiclient.CommandDone:
			fmt.Fprintf(c.err, "client %s released task %s; its next request for tasks may start it\n", client, task)
		default:
			fmt.Fprintf(c.err, "client %s is asked to release task %s, and does when it reports next\n", client, task)
		}
		if c.format == "json" {
			err = errors.Join(c.print(command, nil), err)
		}
		return err
	})
}
