package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/chaos"
)

func (c *cli) benchFaultsCommand() *cobra.Command {
	var opt chaos.Options
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "Let tasks fail on a client in every way, and watch whether the next one takes their place",
		Long: `Start a cloud and its clients as processes of their own, and let one task after
another fail on a client while another one waits for its place: an exit code,
SIGKILL, SIGSEGV, no memory (by a limit of the address space; by the kernel, where
a memory cgroup can be made), a module that is missing, a file that is not what
the cloud has, a port that is taken, silence (the time then runs from when a task
counts as stalled, 3 s later). Each must be noticed, its reason be right, and
the next task run.`,
		Example: "  agata bench faults --runs 200 --parallel 2",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.Runs < 1 || opt.Parallel < 1 {
				return usagef("--runs %d and --parallel %d must be 1 or more", opt.Runs, opt.Parallel)
			}
			done, err := c.completeChaos(&opt)
			if err != nil {
				return err
			}
			opt.Each = func(n int, _ []chaos.Violation) {
				if n%20 == 0 || n == opt.Runs {
					fmt.Fprintf(c.err, "%d of %d faults played\n", n, opt.Runs)
				}
			}
			report, err := chaos.Faults(cmd.Context(), opt)
			if err != nil {
				return err
			}
			done()
			return c.printFaults(report)
		},
	}
	c.chaosFlags(cmd, &opt)
	cmd.Flags().Uint64Var(&opt.Seed, "seed", 1, "of the faults and their moments")
	cmd.Flags().IntVar(&opt.Runs, "runs", 200, "how many faults")
	return cmd
}

func (c *cli) printFaults(r *chaos.FaultReport) error {
	if c.format == "json" {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(c.out, "%d task faults, seed %d, %d systems at once, %s\n\n", r.Runs, r.Seed, r.Parallel, time.Duration(r.Wall))
		var rows [][]string
		for _, k := range r.Kinds {
			rows = append(rows, []string{k.Kind, fmt.Sprint(k.N), fmt.Sprint(k.Noticed), fmt.Sprint(k.Wrong), secondsOf(k.Next.P50), secondsOf(k.Next.P99), secondsOf(k.Next.Max)})
		}
		tabulate(c.out, []string{"FAULT", "N", "NOTICED", "WRONG REASON", "NEXT TASK P50", "P99", "MAX"}, rows)
	}
	for _, p := range r.Problems {
		fmt.Fprintln(c.err, p)
	}
	if n := len(r.Problems); n > 0 {
		return fmt.Errorf("%d of %d task faults went wrong", n, r.Runs)
	}
	return nil
}
