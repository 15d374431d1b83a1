package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/doctor"
)

func (c *cli) doctorCommand() *cobra.Command {
	var configOnly, settings bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check this machine and its configuration, and say what mends each fault",
		Long: `Check this machine and its configuration: the interpreter and Flower, the brokers
and the queues that other peers declared there, ports, certificates, the data folder, disk
space, limits, the clock. Each fault comes with what mends it. The exit code is 0
if nothing failed.`,
		Example: "  agata doctor\n  agata doctor --settings\n  agata doctor --config-only --format json",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if configOnly && settings {
				return usagef("--config-only and --settings are two questions: ask one at a time")
			}
			cfg, err := c.load()
			if usage, ok := errors.AsType[usageError](err); ok {
				return usage
			}
			if settings && err == nil {
				return cfg.Describe(c.out)
			}
			results := doctor.Configuration(cfg, err)
			switch {
			case err != nil && !configOnly && !settings:
				fmt.Fprintln(c.err, "the other checks need a configuration that is valid")
			case err == nil && !configOnly:
				secure, _ := c.clientTLS(cfg) // a check of its own tells what is wrong
				results = append(results, doctor.Run(cmd.Context(), cfg, doctor.System(secure))...)
			}
			if err := c.print(results, func(w io.Writer) { doctorTable(w, results) }); err != nil {
				return err
			}
			return verdict(results)
		},
	}
	cmd.Flags().BoolVar(&configOnly, "config-only", false, "check the configuration alone")
	cmd.Flags().BoolVar(&settings, "settings", false, "list every setting, its value and where that comes from, instead of checks")
	return cmd
}

// doctorTable writes a line a check, and under a fault what mends it.
func doctorTable(w io.Writer, results []doctor.Result) {
	width := 0
	for _, r := range results {
		width = max(width, len(r.Check))
	}
	for _, r := range results {
		fmt.Fprintf(w, "%-7s  %-*s  %s\n", r.Status, width, r.Check, cell(r.Found))
		if r.Mend != "" {
			fmt.Fprintf(w, "%s  mend: %s\n", strings.Repeat(" ", 9+width), cell(r.Mend))
		}
	}
}

func verdict(results []doctor.Result) error {
	failed := 0
	for _, r := range results {
		if r.Status == doctor.Failed {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d checks failed", failed, len(results))
}
