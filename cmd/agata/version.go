package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/obs"
)

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which build this is", Args: args(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			b := obs.Version()
			return c.print(b, func(w io.Writer) { fmt.Fprintln(w, b) })
		},
	}
}
