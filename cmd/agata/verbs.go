package main

import (
	"github.com/spf13/cobra"
)

// args is cobra's check of the number of arguments, as a usage error with the
// line that shows how.
func args(n int, what string) cobra.PositionalArgs { return argsBetween(n, n, what) }

// argsBetween checks the number of arguments; most < 0 is no bound.
func argsBetween(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usagef("%s wants %s: %s", cmd.CommandPath(), what, cmd.UseLine())
		}
		return nil
	}
}

// group is a command that only holds others. Without one of them it shows its
// help, and is an error, so that a script notices.
func group(use, short, example string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				_ = cmd.Help()
				return usagef("name a command of %s", cmd.CommandPath())
			}
			return usagef("there is no command %q; see %s --help", args[0], cmd.CommandPath())
		},
	}
	cmd.AddCommand(subs...)
	return cmd
}

// choice completes the value of a flag that takes one of some words.
func choice(cmd *cobra.Command, flag string, values ...string) {
	complete(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// complete completes the value of a flag.
func complete(cmd *cobra.Command, flag string, fn cobra.CompletionFunc) {
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc(flag, fn)
}
