package main

import "github.com/spf13/cobra"

func (c *cli) benchCommand() *cobra.Command {
	return group("bench", "Measure what AGATA promises, on processes of its own",
		"  agata bench chaos --seed 1 --runs 10\n  agata bench faults --runs 200",
		c.benchChaosCommand(),
		c.benchFaultsCommand(),
	)
}
