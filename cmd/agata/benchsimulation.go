package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/simulation"
)

func (c *cli) benchSimulationCommand() *cobra.Command {
	opt := simulation.Options{Faults: simulation.DefaultFaults()}
	var hours, interval float64
	cmd := &cobra.Command{
		Use:   "simulation",
		Short: "Run the control plane for thousands of clients on a virtual clock",
		Long: `Run what decides in AGATA, the same code as in its services, in a world that is
simulated: clients and a cloud, their network, machines and processes, which fail
all the time, by chance. The seed decides about all chance: the same one gives the
same events and so the same hash.

All the while the run checks what must not be: two copies of a task at a client, a
task that runs although it is set aside or has finished, a process without a
record or a record without a process, an end that the history does not know once,
a client that does not come back to what it should do. The exit code is 1 if
anything of that was seen. The figures tell how long clients took to what they
should do, from the end of a fault.`,
		Example: "  agata bench simulation\n  agata bench simulation --seed 7 --clients 10000 --hours 24 --format json",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt.Span = time.Duration(hours * float64(time.Hour))
			opt.Interval = time.Duration(interval * float64(time.Second))
			began, cpu := time.Now(), processorTime()
			r, err := simulation.Run(cmd.Context(), opt)
			switch {
			case cmd.Context().Err() != nil:
				return err
			case err != nil:
				return usageError{err}
			}
			result := newSimulated(r, time.Since(began), processorTime()-cpu)
			if err := c.print(result, result.table); err != nil {
				return err
			}
			if r.Wrongs > 0 {
				return fmt.Errorf("%d things happened that must not", r.Wrongs)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&opt.Seed, "seed", 1, "decides about all chance")
	f.IntVar(&opt.Clients, "clients", 300, "how many clients")
	f.Float64Var(&hours, "hours", 24, "simulated time; its last hour is without faults")
	f.Float64Var(&interval, "interval", 60, "seconds between two polls of a client")
	return cmd
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// simulated is a report as --format json prints it.
type simulated struct {
	Seed       uint64             `json:"seed"`
	Clients    int                `json:"clients"`
	Hours      float64            `json:"hours"`
	Interval   float64            `json:"interval_seconds"`
	Events     int64              `json:"events"`
	Polls      int64              `json:"polls"`
	Executions int                `json:"executions"`
	FromDisk   int64              `json:"starts_from_disk"`
	Hash       string             `json:"hash"`
	Wall       float64            `json:"wall_seconds"`
	Processor  float64            `json:"processor_seconds"`
	Wrongs     int64              `json:"violations"`
	Violations []string           `json:"first_violations"`
	Figures    []simulatedFigures `json:"convergence"`
}

type simulatedFigures struct {
	Fault     string  `json:"fault"`
	Faults    int64   `json:"faults"`
	Disturbed int     `json:"disturbed"`
	P50       float64 `json:"p50_seconds"`
	P99       float64 `json:"p99_seconds"`
	Max       float64 `json:"max_seconds"`
}

func newSimulated(r *simulation.Report, wall, processor time.Duration) simulated {
	s := simulated{
		Seed: r.Seed, Clients: r.Clients, Hours: r.Span.Hours(), Interval: r.Interval.Seconds(), Events: r.Events, Polls: r.Polls,
		Executions: r.Executions, FromDisk: r.Offline, Hash: r.Hash, Wall: wall.Seconds(), Processor: processor.Seconds(),
		Wrongs: r.Wrongs, Violations: append([]string{}, r.Violations...),
	}
	for _, f := range r.Figures {
		s.Figures = append(s.Figures, simulatedFigures{f.Fault, f.Faults, f.Disturbed, f.P50.Seconds(), f.P99.Seconds(), f.Max.Seconds()})
	}
	return s
}

func (s simulated) table(w io.Writer) {
	fmt.Fprintf(w, "%d clients for %g h, seed %d: %d events (%d polls, %d executions, %d starts from disk) in %.1f s, %.1f s of a processor\nhash %s\n\n",
		s.Clients, s.Hours, s.Seed, s.Events, s.Polls, s.Executions, s.FromDisk, s.Wall, s.Processor, s.Hash)
	rows := make([][]string, len(s.Figures))
	for i, f := range s.Figures {
		rows[i] = []string{f.Fault, strconv.FormatInt(f.Faults, 10), strconv.Itoa(f.Disturbed), tenths(f.P50), tenths(f.P99), tenths(f.Max)}
	}
	tabulate(w, []string{"FAULT", "TIMES", "CLIENTS DISTURBED", "P50 S", "P99 S", "MAX S"}, rows)
	if s.Wrongs > 0 {
		fmt.Fprintf(w, "\n%d things that must not be:\n%s\n", s.Wrongs, strings.Join(s.Violations, "\n"))
	}
}

func tenths(s float64) string { return strconv.FormatFloat(s, 'f', 1, 64) }
