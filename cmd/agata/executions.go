package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

// executionHead is the head of a list of executions.
var executionHead = []string{"TASK", "WHERE", "STATE", "STARTED", "TOOK", "WHY", "EXECUTION"}

func executionRow(e apiclient.Execution) []string {
	why := string(e.Reason)
	if e.Detail != "" && e.Detail != why {
		why += ": " + e.Detail
	}
	return []string{e.Task, cmp.Or(e.Client, "(cloud)"), standing(e.State, e.StalledSince), moment(e.Started), took(e.Started, e.Ended), short(why, reasonWidth), e.ID}
}

// standing is a state in words, with the mark of one that makes no progress.
func standing(state contract.State, stalledSince float64) string {
	if state == contract.StateRunning && stalledSince != 0 {
		return string(state) + ", stalled since " + moment(stalledSince)
	}
	return string(state)
}

// took tells how long an execution ran.
func took(started, ended float64) string {
	if started == 0 || ended == 0 {
		return "-"
	}
	return time.Duration((ended - started) * float64(time.Second)).Round(10 * time.Millisecond).String()
}

func (c *cli) taskExecutionsCommand() *cobra.Command {
	cmd := c.executionsCommand("task", func(f *apiclient.ExecutionFilter, id string) { f.Task = id })
	cmd.ValidArgsFunction = first(c.taskIDs, nil)
	return cmd
}

func (c *cli) clientExecutionsCommand() *cobra.Command {
	cmd := c.executionsCommand("client", func(f *apiclient.ExecutionFilter, id string) { f.Client = id })
	cmd.ValidArgsFunction = first(c.clientIDs, nil)
	return cmd
}

func (c *cli) executionsCommand(whose string, narrow func(f *apiclient.ExecutionFilter, id string)) *cobra.Command {
	var f apiclient.ExecutionFilter
	var w watchFlags
	cmd := &cobra.Command{
		Use:   "executions ID [EXECUTION]",
		Short: "List how often and how a " + whose + "'s programs ran, or show one with its last lines",
		Long: `List how often and how a ` + whose + `'s programs ran, the newest first. With an
EXECUTION of the list it shows that one, and the last lines that it wrote.`,
		Example: "  agata " + whose + " executions x --state failed\n  agata " + whose + " executions x 7c0e --format json",
		Args:    argsBetween(1, 2, "the "+whose+"'s id, and one execution if it is to be shown"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkLimit(f.Limit); err != nil {
				return err
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				if len(args) == 2 {
					e, err := api.Execution(ctx, args[1])
					if err != nil {
						return err
					}
					return c.print(e, func(w io.Writer) { executionTable(w, e.Value) })
				}
				narrow(&f, args[0])
				return w.show(ctx, c, func(ctx context.Context, c *cli) error {
					_, err := list(c, api.Executions(ctx, f), executionHead, executionRow)
					return err
				})
			})
		},
	}
	states := []string{"running", "finished", "failed", "stopped"}
	cmd.Flags().StringVar(&f.State, "state", "", "only those in a state: running, finished, failed or stopped")
	cmd.Flags().IntVar(&f.Limit, "limit", 0, "how many at most; 0: all")
	watchFlag(cmd, &w)
	choice(cmd, "state", states...)
	return cmd
}

func executionTable(w io.Writer, e apiclient.Execution) {
	number := func(n *int) string {
		if n == nil {
			return "-"
		}
		return strconv.Itoa(*n)
	}
	tabulate(w, nil, [][]string{
		{"execution", e.ID},
		{"task", e.Task},
		{"where", cmp.Or(e.Client, "(cloud)")},
		{"state", standing(e.State, e.StalledSince)},
		{"process", strconv.Itoa(e.PID)},
		{"started", moment(e.Started)},
		{"ended", moment(e.Ended)},
		{"took", took(e.Started, e.Ended)},
		{"reason", string(e.Reason)},
		{"meaning", e.Reason.Meaning()},
		{"detail", e.Detail},
		{"exit code", number(e.ExitCode)},
		{"signal", number(e.Signal)},
	})
	if e.Quarantined {
		fmt.Fprintf(w, "the client keeps the task from running again; agata client release %s --client %s lifts that\n", cell(e.Task), cell(e.Client))
	}
	if len(e.LastLines) > 0 {
		fmt.Fprintln(w, "\nlast lines")
		for _, line := range e.LastLines {
			fmt.Fprintln(w, "  "+cell(line))
		}
	}
}
