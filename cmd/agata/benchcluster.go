package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/failover"
)

func (c *cli) benchClusterCommand() *cobra.Command {
	var opt failover.Options
	var where, tool, queues string
	var faults []string
	var runs int
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Break a node of a RabbitMQ cluster under a load of calls and events",
		Long: `Make calls and put events on a queue over a cluster of three nodes, break the node
that the service is on, mend it, and count: calls that were answered must have
taken effect, none twice, and events that were confirmed must be there.

The faults: kill (SIGKILL), stop (in order), drain (maintenance), cut (off from
the other nodes), pause (SIGSTOP, longer than heartbeats), alarm (no memory).`,
		Example: "  eval \"$(tools/testnodes cluster /tmp/agata-cluster)\"\n  agata bench cluster --fault kill --fault pause --runs 3 --format json\n" +
			"  tools/testnodes stop /tmp/agata-cluster",
		Args: args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if where == "" {
				return usagef("no cluster is given: eval \"$(tools/testnodes cluster DIR)\" starts one and names it in AGATA_TEST_CLUSTER")
			}
			if runs < 1 {
				return usagef("--runs %d must be 1 or more", runs)
			}
			cluster, err := failover.Parse(tool, where)
			if err != nil {
				return usageError{err}
			}
			opt.Cluster, opt.Classic, opt.Compat = cluster, queues == "classic", queues == "compat"
			cfg, err := c.load()
			if err != nil {
				return err
			}
			if c.verbose {
				opt.Logger = c.logger(cfg)
			}
			report := clusterReport{Load: loadAverage(), Callers: opt.Callers}
			var failures []error
			for range runs { // faults take turns, so that the machine's moods meet all
				for _, opt.Fault = range faults {
					r, err := failover.Run(cmd.Context(), opt)
					if err != nil { // its counts say nothing
						return errors.Join(c.printCluster(report), errors.Join(failures...), err)
					}
					report.Runs = append(report.Runs, r)
					failures = append(failures, r.Violations())
					fmt.Fprintf(c.err, "%s, %s queues: good again after %.2f s\n", r.Fault, r.Queues, r.FirstGood)
				}
			}
			return errors.Join(c.printCluster(report), errors.Join(failures...))
		},
	}
	f := cmd.Flags()
	f.StringVar(&where, "cluster", os.Getenv("AGATA_TEST_CLUSTER"), "the nodes, as tools/testnodes cluster prints them")
	f.StringVar(&tool, "tool", "tools/testnodes", "path of tools/testnodes")
	f.StringArrayVar(&faults, "fault", failover.Faults(), "what to do to a node; may be repeated")
	choice(cmd, "fault", failover.Faults()...)
	f.StringVar(&queues, "queues", "quorum", "quorum, classic, or compat: as peers in Python declare them")
	choice(cmd, "queues", "quorum", "classic", "compat")
	f.IntVar(&runs, "runs", 1, "how often each fault")
	f.IntVar(&opt.Callers, "callers", 8, "calls at once")
	return cmd
}

// clusterReport is what bench cluster prints.
type clusterReport struct {
	Time    time.Time         `json:"time"`
	Load    string            `json:"load_average"`
	Callers int               `json:"callers"`
	Runs    []failover.Result `json:"runs"`
}

// loadAverage is what Linux says of how busy the machine is; "" elsewhere.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return string(b[:max(0, len(b)-1)])
}

func (c *cli) printCluster(r clusterReport) error {
	r.Time = time.Now().UTC()
	if c.format == "json" {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	fmt.Fprintf(c.out, "%d callers, load %s\n\n", r.Callers, r.Load)
	var rows [][]string
	for _, x := range r.Runs {
		rows = append(rows, []string{x.Fault, x.Queues, fmt.Sprintf("%.2f s", x.FirstGood), fmt.Sprintf("%.2f s", x.Gap), fmt.Sprint(x.Calls), fmt.Sprint(x.Calls - x.Good),
			fmt.Sprint(x.UnknownDone), fmt.Sprint(x.Lost), fmt.Sprint(x.Twice), fmt.Sprint(x.Events), fmt.Sprint(x.EventsAgain), fmt.Sprint(x.EventsLost)})
	}
	tabulate(c.out, []string{"FAULT", "QUEUES", "FIRST GOOD", "LONGEST GAP", "CALLS", "FAILED", "OF THESE DONE", "LOST", "TWICE", "EVENTS", "AGAIN", "LOST"}, rows)
	return nil
}
