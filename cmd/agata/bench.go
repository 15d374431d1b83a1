package main

import "github.com/spf13/cobra"

func (c *cli) benchCommand() *cobra.Command {
	cmd := group("bench", "Measure what AGATA promises",
		"  agata bench all --out result.json\n  agata bench chaos --seed 1 --runs 10\n  agata bench faults --runs 200\n  agata bench simulation --seed 1 --clients 1000 --hours 24",
		c.benchChaosCommand(),
		c.benchFaultsCommand(),
		c.benchSimulationCommand(),
		c.benchReportCommand(),
	)
	cmd.AddCommand(c.benchMeasures()...)
	return cmd
}
