package main

import (
	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/experiment"
)

func (c *cli) demoCommand() *cobra.Command {
	var opt experiment.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job: a model learns on two clients; one is killed, and recovers",
		Long: `Show the main job on ports of its own: a cloud and two clients, a real Flower
task that learns on both, then a kill -9 that AGATA notices, explains and
recovers from. It ends with the timeline and where everything was written.`,
		Example: "  agata demo\n  agata demo --go-task bin/gofedavg   # without Python",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.completeExperiment(&opt); err != nil {
				return err
			}
			return experiment.Demo(cmd.Context(), opt)
		},
	}
	cmd.Flags().StringVar(&opt.GoTask, "go-task", "", "run the Go task, built from experiments/tasks/gofedavg, instead of Flower")
	cmd.Flags().StringVar(&opt.Dir, "out", "demo", "folder that is emptied, and takes everything")
	cmd.Flags().BoolVar(&opt.Stay, "stay", false, "stay up at the end, to look around in the console, until interrupted")
	return cmd
}
