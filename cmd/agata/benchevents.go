package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/fleet"
)

func (c *cli) benchEventsCommand() *cobra.Command {
	var opt fleet.EventOptions
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Tell events over a broker to a real cloud's history, and ask for them",
		Long: `Start a broker and the cloud's services, each a process of its own, and tell them
events as services do: each is on the disk before it is told, and counts when it is
in the history. Then ask the gateway for what it has stored.`,
		Example: "  agata bench events\n  agata bench events --events 1000000 --format json",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if opt.Binary, err = os.Executable(); err != nil {
				return err
			}
			done, err := benchFolder(&opt.Dir, "events")
			if err != nil {
				return err
			}
			opt.Settings = c.set
			opt.Say = func(text string) { fmt.Fprintln(c.err, text) }
			report, err := fleet.Events(cmd.Context(), opt)
			if err != nil {
				return err
			}
			done()
			return c.print(report, func(w io.Writer) { eventTable(w, report) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.Events, "events", 200_000, "how many events")
	f.IntVar(&opt.Tellers, "tellers", 4, "services that tell them")
	f.IntVar(&opt.Clients, "clients", 1000, "clients that they are of")
	f.IntVar(&opt.Tasks, "tasks", 10, "tasks that they are of")
	f.StringVar(&opt.Broker, "broker", fleet.Embedded, "the cloud's broker: embedded, or the URL of one that runs")
	f.BoolVar(&opt.Profiles, "profiles", false, "write a processor profile of each process of the cloud below --out")
	f.StringVar(&opt.Dir, "out", "", "folder for all state (default: a temporary one)")
	return cmd
}

func eventTable(w io.Writer, r *fleet.EventReport) {
	fmt.Fprintf(w, "%d events of %d clients and %d tasks, told by %d services over %s: %.1f s, %.0f events/s, %.0f bytes each; load %.1f to %.1f\n\n",
		r.Events, r.Clients, r.Tasks, r.Tellers, r.Broker, r.Seconds, r.PerSec, r.Bytes, r.Load[0], r.Load[1])
	var rows [][]string
	for _, cost := range r.Cost {
		rows = append(rows, []string{cost.Name, bytesText(cost.Idle), bytesText(cost.RSS), bytesText(cost.Peak), fmt.Sprintf("%.1f %%", 100*cost.Share), fmt.Sprintf("%.1f", cost.PerPoll)})
	}
	tabulate(w, []string{"PROCESS", "MEMORY IDLE", "MEMORY", "PEAK", "CPU", "CPU AN EVENT, US"}, rows)
	rows = nil
	for _, q := range r.Queries {
		rows = append(rows, []string{q.Path, fmt.Sprintf("%.2f", q.Took.P50), fmt.Sprintf("%.2f", q.Took.P99), fmt.Sprintf("%.2f", q.Took.Max)})
	}
	fmt.Fprintln(w)
	tabulate(w, []string{"QUERY", "P50 MS", "P99 MS", "MAX MS"}, rows)
}

func (c *cli) benchSelectionCommand() *cobra.Command {
	var tasks, clients int
	cmd := &cobra.Command{
		Use:     "selection",
		Short:   "Select among many running tasks for many clients",
		Example: "  agata bench selection --tasks 1000 --clients 10000 --format json",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := fleet.Selection(cmd.Context(), tasks, clients)
			if err != nil {
				return err
			}
			return c.print(r, func(w io.Writer) {
				fmt.Fprintf(w, "%d tasks, %d clients, %d offers; load %.1f to %.1f\n", r.Tasks, r.Clients, r.Offered, r.Load[0], r.Load[1])
				fmt.Fprintf(w, "a poll: p50 %.0f us, p99 %.0f us, %.0f ns a criterion, %.0f allocations; all clients once: %.2f s; a start, asked of all clients: %.1f ms\n",
					r.PerPoll.P50, r.PerPoll.P99, r.PerAnswer, r.Allocated, r.All, r.PerStart)
			})
		},
	}
	cmd.Flags().IntVar(&tasks, "tasks", 1000, "how many tasks run")
	cmd.Flags().IntVar(&clients, "clients", 10_000, "how many clients ask")
	return cmd
}
