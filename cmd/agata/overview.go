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
)

func (c *cli) overviewCommand() *cobra.Command {
	var w watchFlags
	cmd := &cobra.Command{
		Use: "overview", Aliases: []string{"status"},
		Short:   "Show the fleet at a glance: tasks, clients, what runs and what failed",
		Example: "  agata overview\n  agata overview --watch",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				return w.show(ctx, c, func(ctx context.Context, c *cli) error {
					o, err := api.Overview(ctx)
					if err != nil {
						return err
					}
					return c.print(o, func(w io.Writer) { overviewTable(w, o.Value) })
				})
			})
		},
	}
	watchFlag(cmd, &w)
	return cmd
}

func overviewTable(w io.Writer, o apiclient.Overview) {
	tasks := ""
	for _, state := range taskStates {
		if n := o.Tasks[state]; n > 0 || state == "running" {
			if tasks != "" {
				tasks += ", "
			}
			tasks += fmt.Sprintf("%d %s", n, state)
		}
	}
	broker := "up"
	if !o.Broker.Up {
		broker = "away: " + o.Broker.Error
	}
	history := "none"
	if o.History.Events > 0 {
		history = fmt.Sprintf("%d events since %s, %s", o.History.Events, moment(o.History.First), bytesText(o.History.Bytes))
	}
	tabulate(w, nil, [][]string{
		{"tasks", tasks},
		{"clients", fmt.Sprintf("%d known, %d seen within a minute, %d with something running", o.Clients.Known, o.Clients.Seen, o.Clients.RunningOn)},
		{"executions", fmt.Sprintf("%d running, %d failed within a day", o.Executions.Running, o.Executions.FailedLately)},
		{"broker", broker},
		{"history", history},
		{"version", cmp.Or(o.Version, "-")},
	})
	for _, why := range o.Missing {
		fmt.Fprintf(w, "incomplete: %s\n", cell(why))
	}
	if len(o.Running) > 0 {
		fmt.Fprintln(w, "\nrunning")
		rows := make([][]string, len(o.Running))
		for i, e := range o.Running {
			rows[i] = []string{e.Task, cmp.Or(e.Client, "(cloud)"), moment(e.Started), strconv.Itoa(e.PID), e.ID}
		}
		tabulate(w, []string{"TASK", "WHERE", "SINCE", "PID", "EXECUTION"}, rows)
	}
	if len(o.Failures) > 0 {
		fmt.Fprintln(w, "\nfailed last")
		rows := make([][]string, len(o.Failures))
		for i, e := range o.Failures {
			rows[i] = executionRow(e)
		}
		tabulate(w, executionHead, rows)
	}
	if len(o.Services) > 0 {
		fmt.Fprintln(w, "\nservices")
		rows := make([][]string, len(o.Services))
		for i, s := range o.Services {
			rows[i] = []string{s.Name, s.Host, strconv.Itoa(s.PID), (time.Duration(s.Uptime * float64(time.Second))).Round(time.Second).String()}
		}
		tabulate(w, []string{"NAME", "HOST", "PID", "UPTIME"}, rows)
	}
}
