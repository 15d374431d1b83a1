package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/fleet"
)

func (c *cli) benchFleetCommand() *cobra.Command {
	var opt fleet.Options
	var crowd bool
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Run thousands of clients against a real cloud, and measure what it costs",
		Long: `Start a broker and the cloud's services, each a process of its own, and a fleet
of clients in further ones. A client is the control logic of the real one with its
polls, reports and downlink over sockets; it has no processes, and no broker of its
own: a task that it starts is an entry in a map.

Measured are how long the cloud takes to answer a poll, what memory and processor
time each process takes, and, with --starts, how long it takes from an operator's
start of a task until each client has started it.`,
		Example: "  agata bench fleet --clients 1000\n  agata bench fleet --clients 10000 --duration 2m --format json\n" +
			"  agata bench fleet --clients 1000 --broker amqp://guest:guest@localhost:5672/",
		Args: args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if crowd {
				return fleet.RunCrowd(cmd.Context(), c.in, c.out)
			}
			var err error
			if opt.Binary, err = os.Executable(); err != nil {
				return err
			}
			done, err := benchFolder(&opt.Dir, "fleet")
			if err != nil {
				return err
			}
			opt.Settings = c.set
			opt.Say = func(text string) { fmt.Fprintln(c.err, text) }
			report, err := fleet.Run(cmd.Context(), opt)
			if err != nil {
				return err
			}
			done()
			return c.print(report, func(w io.Writer) { fleetTable(w, report) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.Clients, "clients", 1000, "how many clients")
	f.DurationVar(&opt.Interval, "interval", 10*time.Second, "between two polls of a client")
	f.DurationVar(&opt.Duration, "duration", time.Minute, "of the measurement")
	f.DurationVar(&opt.Ramp, "ramp", 0, "within which all clients begin (default: an interval, or 5 ms for each client)")
	f.IntVar(&opt.Tasks, "tasks", 10, "tasks that run all the while, each fit for one client of a hundred")
	f.IntVar(&opt.Starts, "starts", 3, "rounds of starts: for one client, for one of a hundred, and for all")
	f.StringVar(&opt.Broker, "broker", fleet.Embedded, "the cloud's broker: embedded, or the URL of one that runs")
	f.BoolVar(&opt.Own, "own-connections", false, "each client has connections of its own also for polls and reports")
	f.BoolVar(&opt.Closed, "closed", false, "a cloud that asks for credentials")
	f.BoolVar(&opt.Profiles, "profiles", false, "write a processor profile of each process of the cloud below --out")
	f.StringVar(&opt.Dir, "out", "", "folder for all state (default: a temporary one)")
	f.BoolVar(&crowd, "crowd", false, "be a part of the fleet")
	_ = f.MarkHidden("crowd")
	return cmd
}

// benchFolder makes the folder of a run; done removes it if it was not asked for.
func benchFolder(dir *string, what string) (done func(), err error) {
	if *dir != "" {
		return func() {}, os.MkdirAll(*dir, 0o700)
	}
	if *dir, err = os.MkdirTemp("", "agata-"+what+"-"); err != nil {
		return nil, err
	}
	return func() { _ = os.RemoveAll(*dir) }, nil
}

func fleetTable(w io.Writer, r *fleet.Report) {
	fmt.Fprintf(w, "%d clients, a poll each %g s, broker %s, %d tasks; measured %.0f s on %d processors, load %.1f to %.1f\n",
		r.Clients, r.Interval, r.Broker, r.Tasks, r.Measured, r.CPUs, r.Load[0], r.Load[1])
	fmt.Fprintf(w, "clients of a fleet process share: %s\n\n", r.Shared)
	ms := func(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }
	tabulate(w, []string{"", "N", "P50 MS", "P99 MS", "MAX MS"}, [][]string{{"poll", strconv.Itoa(r.Asks.N), ms(r.Asks.P50), ms(r.Asks.P99), ms(r.Asks.Max)}})
	fmt.Fprintf(w, "%.0f polls/s, %d reports, %d failed, %d downlinks broken %s\n\n", r.PerSec, r.Reports, r.Failed, r.Breaks, r.Why)
	var rows [][]string
	for _, cost := range r.Cost {
		rows = append(rows, []string{cost.Name, bytesText(cost.Idle), bytesText(cost.RSS), bytesText(cost.Peak), fmt.Sprintf("%.1f %%", 100*cost.Share), fmt.Sprintf("%.0f", cost.PerPoll)})
	}
	tabulate(w, []string{"PROCESS", "MEMORY IDLE", "MEMORY", "PEAK", "CPU", "CPU A POLL, US"}, rows)
	fmt.Fprintf(w, "the cloud's services: %s, %s a client; CPU a poll %.0f us, with the broker %.0f us\n", bytesText(r.CloudRSS), bytesText(r.RSSPerClient), r.CloudCPUPerPoll, r.AllCPUPerPoll)
	rows = nil
	for _, s := range r.Starts {
		rows = append(rows, []string{strconv.Itoa(s.Fit), ms(s.Answered), ms(s.Took.P50), ms(s.Took.P99), ms(s.Took.Max), ms(s.StopTook)})
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		tabulate(w, []string{"STARTED FOR", "ANSWERED MS", "P50 MS", "P99 MS", "MAX MS", "ALL STOPPED MS"}, rows)
	}
}
