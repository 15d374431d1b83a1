package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// waitEvery is the time between two looks at a task that is waited for.
	waitEvery = 500 * time.Millisecond
	// waitPatience is how long a gateway may be away meanwhile.
	waitPatience = 30 * time.Second
)

func (c *cli) taskStartCommand() *cobra.Command {
	var arguments string
	var wait bool
	cmd := &cobra.Command{
		Use:     "start ID",
		Short:   "Start a task's server; from then on clients are offered the task",
		Example: "  agata task start digits --args '--rounds 5' --wait",
		Args:    args(1, "the task's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := contract.StartTaskRequest{TaskID: args[0]}
			if cmd.Flags().Changed("args") {
				req.Arguments = &arguments
			}
			if _, err := ask(cmd.Context(), c, contract.StartServerTask, req); err != nil {
				return advise(err, args[0])
			}
			fmt.Fprintf(c.err, "started task %s\n", args[0])
			if wait {
				return c.waitTask(cmd.Context(), args[0], 0)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&arguments, "args", "", "arguments of server.py for this start, instead of the registered ones")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it has ended, as agata task wait does")
	return cmd
}

func (c *cli) taskStopCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "stop ID",
		Short:   "Stop a task's server; clients are no longer offered the task",
		Example: "  agata task stop digits",
		Args:    args(1, "the task's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := ask(cmd.Context(), c, contract.StopServerTask, contract.TaskIDRequest{TaskID: args[0]}); err != nil {
				return advise(err, args[0])
			}
			fmt.Fprintf(c.err, "stopped task %s\n", args[0])
			return nil
		},
	}
}

func (c *cli) taskWaitCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait ID",
		Short: "Wait until a task no longer runs",
		Long: `Wait until a task no longer runs. The exit code is 0 if it finished, 1 if it
failed, was stopped or never ran, and 3 if the time was over before.`,
		Example: "  agata task wait digits --timeout 10m && echo finished",
		Args:    args(1, "the task's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout < 0 {
				return usagef("--timeout %s is negative", timeout)
			}
			return c.waitTask(cmd.Context(), args[0], timeout)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "how long to wait at most, such as 90s or 10m; 0: as long as it takes")
	return cmd
}

// waitTask waits until a task no longer runs; nil means that it finished.
// timeout 0 is none.
func (c *cli) waitTask(ctx context.Context, id string, timeout time.Duration) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	heard := time.Now()
	round := ""
	for {
		task, err := c.taskState(ctx, id)
		switch {
		case err == nil && task.State != "running":
			return ended(task)
		case ctx.Err() != nil:
			return fmt.Errorf("task %s still runs, as far as is known: %w", id, ctx.Err())
		case err == nil:
			heard = time.Now()
			if task.Round != "" && task.Round != round {
				round = task.Round
				fmt.Fprintf(c.err, "round %s: accuracy %s\n", cell(round), cell(task.Acc))
			}
		case !away(err) || time.Since(heard) > waitPatience:
			return advise(err, id)
		}
		select {
		case <-ctx.Done():
		case <-time.After(waitEvery):
		}
	}
}

// away tells whether nobody could be asked, for now.
func away(err error) bool {
	code := rpc.CodeOf(err)
	return code == rpc.Unavailable || code == rpc.Deadline
}

// ended tells how a task that does not run ended; nil if it finished.
func ended(task contract.TaskSummary) error {
	why := ""
	if task.Reason != "" {
		why = ": " + cell(task.Reason)
	}
	switch task.State {
	case "finished":
		return nil
	case "new":
		return fmt.Errorf("task %s was never started; agata task start %s starts it", task.ID, task.ID)
	case "stopped":
		return fmt.Errorf("task %s has been stopped%s", task.ID, why)
	}
	return fmt.Errorf("task %s has %s%s", task.ID, cell(task.State), why)
}
