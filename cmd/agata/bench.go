package main

import "github.com/spf13/cobra"

func (c *cli) benchCommand() *cobra.Command {
	return group("bench", "Measure what AGATA promises",
		"  agata bench simulation --seed 1 --clients 1000 --hours 24",
		c.benchSimulationCommand(),
	)
}
