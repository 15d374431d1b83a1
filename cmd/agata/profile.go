package main

import (
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/spf13/cobra"
)

// profileFlag lets a bench have the profiles of what it measures.
func (c *cli) profileFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.cpuProfile, "cpuprofile", "", "write a processor profile at the end")
	_ = cmd.Flags().MarkHidden("cpuprofile")
}

// profile writes one until stop, if it was asked for.
func (c *cli) profile() (stop func(), err error) {
	if c.cpuProfile == "" {
		return func() {}, nil
	}
	f, err := os.Create(c.cpuProfile)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		return nil, fmt.Errorf("write a processor profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // what is wrong with it shows when it is read
	}, nil
}
