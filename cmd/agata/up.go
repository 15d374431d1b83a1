package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/app"
)

func (c *cli) upCommand() *cobra.Command {
	var clients int
	var keep bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run everything in one process: brokers, cloud and client",
		Long: `Run everything in one process. Brokers that do not answer at the configured
addresses are embedded: one machine, memory only.`,
		Args: args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runApp(cmd.Context(), app.Options{Clients: clients, KeepTasks: keep})
		},
	}
	cmd.Flags().IntVar(&clients, "clients", 1, "how many client sides to run; each further one has a broker and a folder of its own")
	cmd.Flags().BoolVar(&keep, "keep-tasks", false, "leave task processes running at the end; the next start takes them over")
	return cmd
}

func (c *cli) serveCommand() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:       "serve NAME...",
		Short:     "Run chosen services: " + strings.Join(app.Services(), ", "),
		ValidArgs: app.Services(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name the services to run: %s", strings.Join(app.Services(), ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, names []string) error {
			return c.runApp(cmd.Context(), app.Options{Services: names, KeepTasks: keep, NeverEmbed: true})
		},
	}
	c.profileFlag(cmd)
	cmd.Flags().BoolVar(&keep, "keep-tasks", true, "leave task processes running at the end; the next start takes them over")
	return cmd
}

func (c *cli) brokerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "broker",
		Short: "Run the embedded brokers alone, for the cloud and for the client",
		Args:  args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runApp(cmd.Context(), app.Options{Brokers: true})
		},
	}
	c.profileFlag(cmd)
	return cmd
}

// runApp runs an app until the context ends, and says where it is to be found.
func (c *cli) runApp(ctx context.Context, opt app.Options) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	opt.Config, opt.Logger = cfg, c.logger(cfg)
	limitMemory(opt.Logger)
	if ofCloud(opt.Services) {
		room := headroom()
		defer runtime.KeepAlive(room)
	}
	stop, err := c.profile()
	if err != nil {
		return err
	}
	defer stop()
	a, err := app.New(opt)
	if err != nil {
		return usageError{err}
	}
	g, ctx := errgroup.WithContext(ctx)
	done := make(chan struct{})
	g.Go(func() error { defer close(done); return a.Run(ctx) })
	g.Go(func() error {
		select {
		case <-a.Started():
			c.sayWhere(a.Info())
		case <-done:
		}
		return nil
	})
	return g.Wait()
}

func (c *cli) sayWhere(i app.Info) {
	say := func(what, where string) {
		if where != "" {
			fmt.Fprintf(c.err, "%-15s %s\n", what, where)
		}
	}
	fmt.Fprintln(c.err, "AGATA is up.")
	if i.GatewayURL != "" {
		say("console", i.GatewayURL+"/")
	}
	say("gateway", i.GatewayURL)
	say("files", i.FilesURL)
	say("cloud broker", i.CloudBroker)
	say("client broker", strings.Join(i.ClientBroker, ", "))
	say("data", i.Data)
}
