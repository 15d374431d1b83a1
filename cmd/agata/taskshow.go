package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// reasonWidth is the room for a reason in a list; show has all of it.
	reasonWidth = 60
	// clientsNamed is how many clients that run a task are named.
	clientsNamed = 10
)

func (c *cli) taskShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show what is registered of a task, how it stands, and which clients run it",
		Long: `Show what is registered of a task, how it stands, and which clients run it. The
password is not told; a call of rpc_exec_get_task_by_id at the broker tells it.`,
		Example: "  agata task show digits\n  agata task show digits --format json",
		Args:    args(1, "the task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				task, err := api.Task(ctx, args[0])
				if err != nil {
					return advise(err, args[0])
				}
				if c.format == "json" {
					return c.print(task, nil)
				}
				running, err := runningOn(ctx, api, args[0])
				if err != nil {
					return err
				}
				taskTable(c.out, task.Value, running)
				return nil
			})
		},
	}
}

// runningOn names some of the clients that run a task, and one more than that if
// there are more.
func runningOn(ctx context.Context, api *apiclient.Client, task string) (clients []string, err error) {
	f := apiclient.ExecutionFilter{Task: task, Side: contract.SideClient, State: "running", Limit: clientsNamed + 1}
	for e, err := range api.Executions(ctx, f) {
		if err != nil {
			return nil, err
		}
		clients = append(clients, e.Value.Client)
	}
	return clients, nil
}

func taskTable(w io.Writer, d apiclient.TaskDetail, running []string) {
	state := d.State
	if d.PID != 0 {
		state += fmt.Sprintf(" (process %d)", d.PID)
	}
	if d.StalledSince != 0 {
		state += ", stalled since " + moment(d.StalledSince)
	}
	on := "no client"
	if len(running) > clientsNamed {
		running = append(running[:clientsNamed], "and more")
	}
	if len(running) > 0 {
		on = strings.Join(running, ", ")
	}
	clientArgs := ""
	if d.ClientArguments != nil {
		clientArgs = *d.ClientArguments
	}
	password := "none"
	if d.PasswordSet {
		password = "***"
	}
	tabulate(w, nil, [][]string{
		{"id", d.ID},
		{"state", state},
		{"reason", d.Reason},
		{"runs on", on},
		{"round", d.Round},
		{"accuracy", d.Acc},
		{"execution", d.ExecutionID},
		{"revision", strconv.FormatInt(d.Revision, 10)},
		{"created", d.CreationDate.Format(contract.DateLayout)},
		{"changed", d.LastModDate.Format(contract.DateLayout)},
		{"address", fmt.Sprintf("%s:%d", d.Host, d.Port)},
		{"user name", d.Username},
		{"password", password},
		{"criteria", cmp.Or(d.SelectionCriteria, "(every client)")},
		{"server arguments", d.ServerArguments},
		{"client arguments", clientArgs},
		{"client files", strings.Join(d.FilesPaths, ", ")},
		{"tags", strings.Join(d.Tags, ", ")},
	})
}
