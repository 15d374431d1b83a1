package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/obs"
	"github.com/agata-fl/agata/pkg/rpc"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUnreachable = 2 // no connection, or not allowed
	exitTimeout     = 3
	exitUsage       = 4
	exitDefect      = 5
)

// cli is what all verbs share.
type cli struct {
	in       io.Reader
	out, err io.Writer // data; people

	configPath string
	data       string
	set        []string // section.key=value
	format     string
	verbose    bool
	cpuProfile string // hidden: for benches
}

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) (code int) {
	c := &cli{in: in, out: out, err: errOut}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(errOut, "agata: %s\n", legible(err.Error()))
	return exitCode(err)
}

func exitCode(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*config.ConfigError](err); ok {
		return exitUsage
	}
	if e, ok := errors.AsType[*rpc.Error](err); ok {
		switch e.Code {
		case rpc.Unavailable, rpc.Unauthorized, rpc.Forbidden:
			return exitUnreachable
		case rpc.Deadline:
			return exitTimeout
		case rpc.Invalid:
			return exitUsage
		}
		return exitFailed
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return exitTimeout
	}
	return exitFailed
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "agata",
		Short: "Manage federated-learning tasks, from a laptop to a fleet",
		Long: `AGATA manages federated-learning tasks: an operator creates a task (server
code and client code, usually Flower in Python), says which clients may run it,
and starts it; clients ask for work, fetch the code, launch it, are supervised,
and go on with their next task when one fails.`,
		SilenceUsage: true, SilenceErrors: true,
		Version: obs.Version().Version,
		// Without a verb: help, and an error, so that a script notices.
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				_ = cmd.Help()
				return usagef("name a command")
			}
			return usagef("there is no command %q; see agata --help", args[0])
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see %s --help", err, cmd.CommandPath())
	})
	f := root.PersistentFlags()
	f.StringVar(&c.configPath, "config", "", "configuration file (default ./config.ini, which need not exist)")
	f.StringVar(&c.data, "data", "", "folder that holds all state (default ./data)")
	f.StringArrayVar(&c.set, "set", nil, "override a setting, as section.key=value; may be repeated")
	f.StringVar(&c.format, "format", "table", "output: table or json")
	choice(root, "format", "table", "json")
	f.BoolVarP(&c.verbose, "verbose", "v", false, "log more, to standard error")
	root.AddCommand(
		c.upCommand(), c.serveCommand(), c.brokerCommand(),
		c.overviewCommand(), c.taskCommand(), c.clientCommand(), c.eventsCommand(), c.loginCommand(), c.logoutCommand(), c.whoamiCommand(), c.operatorCommand(), c.auditCommand(), c.keyCommand(), c.callCommand(), c.servicesCommand(),
		c.demoCommand(), c.experimentCommand(), c.benchCommand(), c.doctorCommand(), c.versionCommand(), c.tlsCommand(),
	)
	return root
}

// load reads the configuration with the flags on top.
func (c *cli) load() (*config.Config, error) {
	if c.format != "table" && c.format != "json" {
		return nil, usagef("--format is %q, not table or json", c.format)
	}
	overrides := map[string]string{}
	for _, s := range c.set {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, usagef("--set %q is not section.key=value", s)
		}
		overrides[key] = value
	}
	cfg, err := config.Load(config.LoadOptions{Path: c.configPath, Data: c.data, Environ: os.Environ(), Overrides: overrides})
	if _, ok := errors.AsType[*config.ConfigError](err); err != nil && !ok {
		err = usageError{err}
	}
	return cfg, err
}

// logger writes to people. -v shows debug lines whatever the configuration says.
func (c *cli) logger(cfg *config.Config) *slog.Logger {
	level := cfg.Log.Level
	if c.verbose {
		level = slog.LevelDebug
	}
	log, _ := obs.NewLogger(c.err, level, cfg.Log.Format)
	return log
}
