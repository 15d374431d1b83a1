package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/chaos"
)

func (c *cli) benchChaosCommand() *cobra.Command {
	var opt chaos.Options
	var nodes []string
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Break a running AGATA by seeded schedules of faults, and watch whether it mends itself",
		Long: `Start a cloud and two clients as processes of their own, with a proxy on every
way between two of them, and play schedules of an operator's actions and of
faults: kills, restarts, pauses, cut, slow, silent and reset connections, calls
that are delivered twice. The invariants are checked all the time, and after the
last fault of each schedule until all is right. Schedule number n of a campaign
has the seed --seed + n - 1. What violated an invariant is printed and its folder
is kept.

With --closed the cloud has a key: the operator and the clients show credentials,
calls are sealed, all connections are encrypted and of one private authority (but
those to RabbitMQ), and tasks are signed. Bundles and a client's credential are
revoked as well, and a stranger tries to get in all the time.

With --broker rabbitmq the nodes must run, with the account guest; each system
has virtual hosts of its own on them. A killed broker is then one whose
connections are all broken, and turned away for a while.`,
		Example: "  agata bench chaos --seed 1 --runs 100 --parallel 4\n  agata bench chaos --seed 17 --runs 1   # the schedule of one violation\n" +
			"  agata bench chaos --runs 100 --broker rabbitmq --node 5672,15672",
		Args: args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.Runs < 1 || opt.Parallel < 1 {
				return usagef("--runs %d and --parallel %d must be 1 or more", opt.Runs, opt.Parallel)
			}
			for _, text := range nodes {
				n, err := chaos.ParseNode(text)
				if err != nil {
					return usageError{err}
				}
				opt.Nodes = append(opt.Nodes, n)
			}
			done, err := c.completeChaos(&opt)
			if err != nil {
				return err
			}
			opt.Each = func(n int, violations []chaos.Violation) { c.sayRun(n, opt.Runs, violations) }
			report, err := chaos.Run(cmd.Context(), opt)
			if err != nil && (report == nil || report.Runs == 0) {
				return err
			}
			done()
			return errors.Join(err, c.printChaos(report)) // also of what an interrupt cut short
		},
	}
	f := cmd.Flags()
	c.chaosFlags(cmd, &opt)
	f.Uint64Var(&opt.Seed, "seed", 1, "of the first schedule; each next one has the next")
	f.IntVar(&opt.Runs, "runs", 10, "how many schedules")
	f.StringVar(&opt.Broker, "broker", chaos.Embedded, "the brokers: embedded or rabbitmq")
	choice(cmd, "broker", chaos.Embedded, chaos.RabbitMQ)
	f.StringArrayVar(&nodes, "node", nil, "a RabbitMQ node, as amqp-port,management-port; may be repeated")
	f.BoolVar(&opt.Closed, "closed", false, "over a cloud that asks for credentials, with TLS and signed tasks")
	f.DurationVar(&opt.Bound, "bound", 20*time.Second, "how long all may take to be right after the last fault; more than 20 s, for a busy machine, gives a manager more than 3 s to notice, too")
	return cmd
}

func (c *cli) chaosFlags(cmd *cobra.Command, opt *chaos.Options) {
	cmd.Flags().IntVar(&opt.Parallel, "parallel", 1, "how many systems at once")
	cmd.Flags().StringVar(&opt.Dir, "out", "", "folder for all state (default: a temporary one)")
}

// completeChaos fills in what a campaign needs; done removes a temporary folder,
// unless something was kept in it.
func (c *cli) completeChaos(opt *chaos.Options) (done func(), err error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	if opt.Binary, err = os.Executable(); err != nil {
		return nil, err
	}
	opt.Python, opt.Logger = interpreter(cfg.Tasks.Python), c.logger(cfg)
	if opt.Dir != "" {
		return func() {}, nil
	}
	if opt.Dir, err = os.MkdirTemp("", "agata-chaos-"); err != nil {
		return nil, err
	}
	return func() { _ = os.Remove(opt.Dir) }, nil // one that holds something stays
}

func (c *cli) sayRun(n, of int, violations []chaos.Violation) {
	for _, v := range violations {
		fmt.Fprintf(c.err, "\nVIOLATION of %q, seed %d, run %d, at %s: %s\nfolder: %s\n", v.Invariant, v.Seed, v.Run, time.Duration(v.At), v.What, v.Folder)
	}
	if len(violations) > 0 {
		fmt.Fprintf(c.err, "schedule:\n  %s\nstate:\n  %s\n", strings.Join(violations[0].Schedule, "\n  "), strings.Join(violations[0].State, "\n  "))
	}
	if n%10 == 0 || n == of {
		fmt.Fprintf(c.err, "%d of %d schedules played\n", n, of)
	}
}

func (c *cli) printChaos(r *chaos.Report) error {
	if c.format == "json" {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(c.out, "%d schedules from seed %d on, broker %s, %d at once, %s: %d faults, %d rounds told, %d lost as stated, %d violations\n\n",
			r.Runs, r.Seed, r.Broker, r.Parallel, time.Duration(r.Wall), r.Faults, r.Rounds, r.Excused, len(r.Violations))
		var rows [][]string
		for _, k := range r.Kinds {
			rows = append(rows, []string{k.Kind, fmt.Sprint(k.Began.N), secondsOf(k.Began.P50), secondsOf(k.Began.P99), secondsOf(k.Over.P50), secondsOf(k.Over.P99), secondsOf(k.Over.Max)})
		}
		rows = append(rows, []string{"(all in the history)", fmt.Sprint(r.Told.N), "", "", secondsOf(r.Told.P50), secondsOf(r.Told.P99), secondsOf(r.Told.Max)})
		if r.Closed {
			rows = append(rows, []string{"(revoked: all gone)", fmt.Sprint(r.Revoked.N), "", "", secondsOf(r.Revoked.P50), secondsOf(r.Revoked.P99), secondsOf(r.Revoked.Max)})
		}
		tabulate(c.out, []string{"FAULT", "N", "P50 SINCE IT BEGAN", "P99", "P50 SINCE IT WAS OVER", "P99", "MAX"}, rows)
		if r.Closed {
			fmt.Fprintf(c.out, "\nThe systems were closed: %d bundles were revoked, %d of them with nothing broken; %d requests and calls without credentials were turned away.\n",
				r.Revocations, r.Revoked.N, r.Knocks)
		}
		fmt.Fprintln(c.out, "\nThe slowest to be right after their last fault:")
		for _, s := range r.Slowest {
			fmt.Fprintf(c.out, "  seed %d, %s, last: %s\n", s.Seed, secondsOf(s.Took), s.Last)
		}
	}
	if n := len(r.Violations); n > 0 {
		return fmt.Errorf("%d violations of invariants in %d schedules; the first seed is %d", n, r.Runs, r.Violations[0].Seed)
	}
	return nil
}

func secondsOf(s chaos.Span) string { return fmt.Sprintf("%.2f s", time.Duration(s).Seconds()) }
