package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
)

// maxLogLines is what one answer holds at most.
const maxLogLines = 1000

func (c *cli) taskLogsCommand() *cobra.Command {
	var lines int
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs ID",
		Short: "Show the last lines that a task's server wrote",
		Long: `Show the last lines that a task's server wrote: its reports, its standard output
and its standard error, in this order. --follow goes on with new lines as they
come, until the task has ended.`,
		Example: "  agata task logs digits --lines 20 --follow",
		Args:    args(1, "the task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if lines < 1 || lines > maxLogLines {
				return usagef("--lines %d is not between 1 and %d", lines, maxLogLines)
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				logs, err := api.TaskLogs(ctx, args[0], lines, "")
				if err != nil {
					return advise(err, args[0])
				}
				if !follow {
					return c.print(logs, func(w io.Writer) { printLines(w, logs.Value.Lines) })
				}
				printLines(c.out, logs.Value.Lines)
				return advise(c.followLogs(ctx, api, args[0], logs.Value.Next), args[0])
			})
		},
	}
	cmd.Flags().IntVarP(&lines, "lines", "n", 100, "how many lines, at most 1000")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new lines; plain lines in any --format")
	return cmd
}

func printLines(w io.Writer, lines []string) {
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
}

// followLogs prints the lines after a cursor, until the task has ended or ctx
// ends, which is how people leave it.
func (c *cli) followLogs(ctx context.Context, api *apiclient.Client, id, next string) error {
	last, ended, err := c.whileRunning(ctx, api, id, 0, func(ctx context.Context) error {
		return api.FollowLogs(ctx, id, next, func(lines []string, after string) error {
			printLines(c.out, lines)
			next = cmp.Or(after, next)
			return nil
		}, c.gone)
	})
	if !ended {
		return err
	}
	// What was written up to the end.
	for {
		logs, err := api.TaskLogs(ctx, id, maxLogLines, next)
		if err != nil {
			return err
		}
		printLines(c.out, logs.Value.Lines)
		if len(logs.Value.Lines) == 0 || logs.Value.Next == next || logs.Value.Next == "" {
			break
		}
		next = logs.Value.Next
	}
	fmt.Fprintf(c.err, "task %s no longer runs (%s)\n", id, cell(cmp.Or(last.Reason, last.State)))
	return nil
}
