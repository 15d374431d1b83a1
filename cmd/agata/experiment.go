package main

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/experiment"
)

func (c *cli) experimentCommand() *cobra.Command {
	var opt experiment.Options
	cmd := &cobra.Command{
		Use:   "experiment 1|2|3",
		Short: "Run one of the paper's experiments and print its figures",
		Long: `Run one of the paper's experiments with real Flower processes, on ports of its
own, and print its figures next to those that the Python original published.

  1  a task's whole life: registered, started, asked for, fetched, run, finished
  2  a task fails at the client, which goes on with its next task
  3  a task's server gives up since accuracy stays low; its clients go on

Every run is appended to expN_raw_times; events.json holds the last run's
timeline. The interpreter (tasks.python) needs experiments/requirements.txt.`,
		Example: "  agata experiment 1 --runs 10\n  agata experiment 2 --cloud-broker 127.0.0.1:9000 --client-broker 127.0.0.1:8000",
		Args:    args(1, "the number of the experiment"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[0])
			if err != nil || n < 1 || n > 3 {
				return usagef("there is no experiment %q; there are 1, 2 and 3", args[0])
			}
			if opt.Runs < 1 {
				return usagef("--runs %d is less than 1", opt.Runs)
			}
			if err := c.completeExperiment(&opt); err != nil {
				return err
			}
			return experiment.Run(cmd.Context(), n, opt)
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.Runs, "runs", 1, "repeat, and print the mean with its 95 % confidence interval")
	f.StringVar(&opt.Dir, "out", "experiments", "folder for events.json and expN_raw_times")
	f.StringVar(&opt.CloudBroker, "cloud-broker", "", "host:port of a RabbitMQ node for the cloud (default: an embedded broker)")
	f.StringVar(&opt.ClientBroker, "client-broker", "", "host:port of a RabbitMQ node for the client (default: an embedded broker)")
	return cmd
}

func (c *cli) completeExperiment(opt *experiment.Options) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	opt.Logger, opt.People, opt.Out, opt.JSON = c.logger(cfg), c.err, c.out, c.format == "json"
	opt.Python = interpreter(cfg.Tasks.Python)
	return nil
}

// interpreter prefers the project's virtual environment to a bare python3 that
// nobody chose.
func interpreter(configured string) string {
	const venv = ".venv/bin/python3"
	if configured != "python3" {
		return configured
	}
	if _, err := os.Stat(venv); err != nil {
		return configured
	}
	if abs, err := filepath.Abs(venv); err == nil {
		return abs
	}
	return configured
}
