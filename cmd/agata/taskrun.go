package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

// What --wait of start and submit waits for.
const (
	waitNone   = "none"
	waitEnd    = "end"
	waitClient = "client"
)

// waiting are the flags of verbs that may wait.
type waiting struct {
	until   string
	timeout time.Duration
}

func (w *waiting) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.until, "wait", waitNone, "wait until it has ended, as agata task wait does; --wait=client: until a client runs it, or it has ended")
	f.Lookup("wait").NoOptDefVal = waitEnd
	choice(cmd, "wait", waitEnd, waitClient, waitNone)
	timeoutFlag(f, &w.timeout)
}

func timeoutFlag(f *pflag.FlagSet, timeout *time.Duration) {
	f.DurationVar(timeout, "timeout", 0, "how long to wait at most, such as 90s or 10m; 0: as long as it takes")
}

func (w *waiting) check() error {
	switch w.until {
	case waitNone, waitEnd, waitClient:
	case "true": // as the flag was before it had words
		w.until = waitEnd
	case "false":
		w.until = waitNone
	default:
		return usagef("--wait is %q, not %s, %s or %s", w.until, waitEnd, waitClient, waitNone)
	}
	return checkTimeout(w.timeout)
}

func checkTimeout(timeout time.Duration) error {
	if timeout < 0 {
		return usagef("--timeout %s is negative", timeout)
	}
	return nil
}

func (w *waiting) wait(ctx context.Context, c *cli, api *apiclient.Client, id string) error {
	switch w.until {
	case waitEnd:
		return c.waitTask(ctx, api, id, w.timeout)
	case waitClient:
		return c.waitClient(ctx, api, id, w.timeout)
	}
	return nil
}

func (c *cli) taskStartCommand() *cobra.Command {
	var arguments string
	var w waiting
	cmd := &cobra.Command{
		Use:     "start ID",
		Short:   "Start a task's server; from then on clients are offered the task",
		Example: "  agata task start digits --args '--rounds 5' --wait\n  agata task start digits --wait=client --timeout 1m",
		Args:    args(1, "the task's id (what --wait waits for is written --wait=client)"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := w.check(); err != nil {
				return err
			}
			var given *string
			if cmd.Flags().Changed("args") {
				given = &arguments
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				task, err := api.StartTask(ctx, args[0], given)
				if err != nil {
					return inConflict(advise(err, args[0]), "agata task stop %s ends it", args[0])
				}
				fmt.Fprintf(c.err, "started task %s\n", args[0])
				if err := c.printDetail(task); err != nil {
					return err
				}
				return w.wait(ctx, c, api, args[0])
			})
		},
	}
	cmd.Flags().StringVar(&arguments, "args", "", "arguments of server.py for this start, instead of the registered ones")
	w.bind(cmd)
	return cmd
}

// printDetail prints what a change left, for programs: people have been told.
func (c *cli) printDetail(task apiclient.Object[apiclient.TaskDetail]) error {
	if c.format != "json" {
		return nil
	}
	return c.print(task, nil)
}

func (c *cli) taskStopCommand() *cobra.Command {
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "stop ID",
		Short:   "Stop a task's server; clients are no longer offered the task",
		Example: "  agata task stop digits\n  agata task stop digits --wait --timeout 1m",
		Args:    args(1, "the task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTimeout(timeout); err != nil {
				return err
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				task, err := api.StopTask(ctx, args[0])
				if err != nil {
					return inConflict(advise(err, args[0]), "agata task show %s tells how it ended", args[0])
				}
				fmt.Fprintf(c.err, "stopped task %s\n", args[0])
				if err := c.printDetail(task); err != nil || !wait {
					return err
				}
				return c.waitGone(ctx, api, args[0], timeout)
			})
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until no client runs it any more either")
	timeoutFlag(cmd.Flags(), &timeout)
	return cmd
}

func (c *cli) taskWaitCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait ID",
		Short: "Wait until a task no longer runs",
		Long: `Wait until a task no longer runs. The exit code is 0 if it finished, 1 if it
failed, was stopped or never ran, and 3 if the time was over before.`,
		Example: "  agata task wait digits --timeout 10m && echo finished",
		Args:    args(1, "the task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTimeout(timeout); err != nil {
				return err
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				return c.waitTask(ctx, api, args[0], timeout)
			})
		},
	}
	timeoutFlag(cmd.Flags(), &timeout)
	return cmd
}

// waitTask waits until a task no longer runs; nil means that it finished.
// timeout 0 is none.
func (c *cli) waitTask(ctx context.Context, api *apiclient.Client, id string, timeout time.Duration) error {
	round := ""
	var last contract.TaskDetail
	err := until(ctx, timeout, fmt.Sprintf("task %s still runs, as far as is known", id), func(ctx context.Context) (bool, error) {
		task, err := api.Task(ctx, id)
		if err != nil {
			return false, err
		}
		last = task.Value.TaskDetail
		if last.State == "running" && last.Round != "" && last.Round != round {
			round = last.Round
			fmt.Fprintf(c.err, "round %s: accuracy %s\n", cell(round), cell(last.Acc))
		}
		return last.State != "running", nil
	})
	if err != nil {
		return advise(err, id)
	}
	return ended(last)
}

// waitClient waits until a client runs a task; one that ends before must have
// finished.
func (c *cli) waitClient(ctx context.Context, api *apiclient.Client, id string, timeout time.Duration) error {
	var clients []string
	var last contract.TaskDetail
	err := until(ctx, timeout, fmt.Sprintf("no client runs task %s yet; agata task explain %s tells why", id, id), func(ctx context.Context) (done bool, err error) {
		if clients, err = runningOn(ctx, api, id); err != nil || len(clients) > 0 {
			return err == nil, err
		}
		task, err := api.Task(ctx, id)
		last = task.Value.TaskDetail
		return err == nil && last.State != "running", err
	})
	switch {
	case err != nil:
		return advise(err, id)
	case len(clients) == 0:
		return ended(last)
	}
	fmt.Fprintf(c.err, "client %s runs it\n", cell(clients[0]))
	return nil
}

// waitGone waits until a task runs nowhere.
func (c *cli) waitGone(ctx context.Context, api *apiclient.Client, id string, timeout time.Duration) error {
	err := until(ctx, timeout, fmt.Sprintf("a client still runs task %s, as far as is known", id), func(ctx context.Context) (bool, error) {
		task, err := api.Task(ctx, id)
		if err != nil || task.Value.State == "running" {
			return false, err
		}
		clients, err := runningOn(ctx, api, id)
		return len(clients) == 0, err
	})
	return advise(err, id)
}

// ended tells how a task that does not run ended; nil if it finished.
func ended(task contract.TaskDetail) error {
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
