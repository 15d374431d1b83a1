package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/pkg/contract"
)

const (
	followEvery = time.Second
	// maxLogLines is what one answer holds at most.
	maxLogLines = 1000
)

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
		Args:    args(1, "the task's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if lines < 1 || lines > maxLogLines {
				return usagef("--lines %d is not between 1 and %d", lines, maxLogLines)
			}
			if follow {
				return c.followLogs(cmd.Context(), args[0], lines)
			}
			logs, err := ask(cmd.Context(), c, contract.ServerLogs, contract.LogsRequest{TaskID: args[0], Lines: lines})
			if err != nil {
				return advise(err, args[0])
			}
			return c.print(logs, func(w io.Writer) { printLines(w, logs.Lines) })
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

// followLogs prints the last lines, then new ones until the task has ended or
// ctx ends, which is how people leave it.
func (c *cli) followLogs(ctx context.Context, id string, lines int) error {
	read := func(n int) ([]string, error) {
		logs, err := ask(ctx, c, contract.ServerLogs, contract.LogsRequest{TaskID: id, Lines: n})
		return logs.Lines, err
	}
	// What comes between these two is printed twice rather than never.
	known, err := read(maxLogLines)
	if err != nil {
		return advise(err, id)
	}
	last, err := read(lines)
	if err != nil {
		return advise(err, id)
	}
	printLines(c.out, last)
	waiting := false
	heard := time.Now()
	for {
		task, err := c.taskState(ctx, id) // before the lines, so that the last ones are read
		var now []string
		if err == nil {
			now, err = read(maxLogLines)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			heard = time.Now()
			printLines(c.out, added(known, now))
			known = now
			if task.State == "new" && !waiting {
				waiting = true
				fmt.Fprintf(c.err, "task %s has not been started yet; its lines come when it is\n", id)
			}
			if task.State != "running" && task.State != "new" {
				fmt.Fprintf(c.err, "task %s no longer runs (%s)\n", id, cell(cmp.Or(task.Reason, task.State)))
				return nil
			}
		case !away(err) || time.Since(heard) > waitPatience:
			return advise(err, id)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

// added returns the lines of now that are not in before, in their order. Lines
// come at the ends of the streams that an answer joins, which are anywhere in
// it, and go at their beginnings; so the longest common subsequence is what
// stayed.
func added(before, now []string) []string {
	for len(before) > 0 && len(now) > 0 && before[0] == now[0] {
		before, now = before[1:], now[1:]
	}
	var tail int
	for tail < min(len(before), len(now)) && before[len(before)-1-tail] == now[len(now)-1-tail] {
		tail++
	}
	before, now = before[:len(before)-tail], now[:len(now)-tail]
	// common[i][j] is the length for before[i:] and now[j:].
	common := make([][]int16, len(before)+1)
	for i := range common {
		common[i] = make([]int16, len(now)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(now) - 1; j >= 0; j-- {
			if before[i] == now[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var lines []string
	i, j := 0, 0
	for i < len(before) && j < len(now) {
		switch {
		case before[i] == now[j]:
			i++
			j++
		case common[i+1][j] >= common[i][j+1]:
			i++
		default:
			lines = append(lines, now[j])
			j++
		}
	}
	return append(lines, now[j:]...)
}
