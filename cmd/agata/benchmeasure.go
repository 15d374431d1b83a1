package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/bench"
)

// measuring is how benches are told what to measure.
type measuring struct {
	env        bench.Env
	brokers    []string
	management string
	python     string
	out        string
	sizeMB     int64
}

// benchMeasures are the benches that measure speed, each a command, and `all`.
func (c *cli) benchMeasures() []*cobra.Command {
	cmds := []*cobra.Command{c.measureCommand("all", "Measure all that has a command of its own here", bench.All())}
	for _, b := range bench.All() {
		cmds = append(cmds, c.measureCommand(b.Name, b.Short, []bench.Bench{b}))
	}
	return cmds
}

func (c *cli) measureCommand(name, short string, benches []bench.Bench) *cobra.Command {
	m := &measuring{}
	cmd := &cobra.Command{
		Use: name + " [NAME...]", Short: short,
		Long: short + `.

What is compared is measured in turns, --rounds times; medians, the spread and the
goals are told, and every round's figure with --format json or --out. More benches
may be named. A RabbitMQ is used by virtual hosts of the bench's own.`,
		Example: "  agata bench " + name + "\n  agata bench " + name + " --broker embedded --broker amqp://guest:guest@127.0.0.1:5672 --out result.json",
		RunE: func(cmd *cobra.Command, more []string) error {
			list := slices.Clone(benches)
			for _, name := range more {
				b, ok := bench.Find(name)
				if !ok {
					return usagef("there is no bench %q; see agata bench --help", name)
				}
				list = append(list, b)
			}
			return c.measure(cmd.Context(), m, list)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&m.brokers, "broker", []string{bench.Embedded}, "embedded, or the amqp:// URL of a RabbitMQ; may be repeated")
	f.StringVar(&m.management, "management", "", "URL of the RabbitMQ's management API (default: its port is 10000 above AMQP's)")
	f.StringVar(&m.python, "python", "", "an interpreter that has pika, for the Python peers (default: that of tasks.python, if it has)")
	f.StringVar(&m.env.NATS, "nats", "", "the program of experiments/nats-peer, for rpc to compare with (default: left out)")
	f.StringVar(&m.out, "out", "", "file for the report, as JSON")
	f.IntVar(&m.env.Rounds, "rounds", 5, "how many rounds count")
	f.DurationVar(&m.env.Time, "time", 2*time.Second, "how long a round is, of what is called again and again")
	f.IntSliceVar(&m.env.Callers, "callers", []int{1, 8, 64}, "how many callers at once, for each of rpc's groups")
	f.IntVar(&m.env.Count, "count", 20, "how many starts, or failures, in a round")
	f.DurationVar(&m.env.Idle, "idle", time.Minute, "how long idle processes are watched, in all")
	f.Int64Var(&m.sizeMB, "size", 1024, "size of the download, in MiB")
	return cmd
}

func (m *measuring) check() error {
	e := &m.env
	if e.Rounds < 1 || e.Count < 1 || e.Time <= 0 || e.Idle <= 0 || m.sizeMB < 1 {
		return usagef("--rounds, --count, --time, --idle and --size must be more than 0")
	}
	for _, n := range e.Callers {
		if n < 1 || n > 1024 {
			return usagef("--callers %d: want 1 to 1024", n)
		}
	}
	if len(e.Callers) == 0 {
		return usagef("--callers names no number")
	}
	e.Size = m.sizeMB << 20
	return nil
}

func (c *cli) measure(ctx context.Context, m *measuring, benches []bench.Bench) (err error) {
	if err := m.check(); err != nil {
		return err
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	room := headroom() // as the services have it whose calls are measured in this process
	defer runtime.KeepAlive(room)
	e := &m.env
	for _, address := range m.brokers {
		b, err := bench.NewBroker(ctx, address, m.management)
		if err != nil {
			return err
		}
		e.Brokers = append(e.Brokers, b)
	}
	if e.Binary, err = os.Executable(); err != nil {
		return err
	}
	e.Python, e.PikaPython = interpreter(cfg.Tasks.Python), m.python
	if e.PikaPython == "" && bench.HasPika(ctx, e.Python) {
		e.PikaPython = e.Python
	}
	e.Say = func(text string) { fmt.Fprintln(c.err, text) }
	if e.Dir, err = os.MkdirTemp("", "agata-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(e.Dir)) }()
	report, err := bench.Run(ctx, e, append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...), benches...)
	if len(report.Results) == 0 {
		return err
	}
	if m.out != "" {
		text, encoding := json.MarshalIndent(report, "", "  ")
		if encoding == nil {
			encoding = os.WriteFile(m.out, append(text, '\n'), 0o644)
		}
		err = errors.Join(err, encoding)
	}
	return errors.Join(err, c.print(report, func(w io.Writer) { measured(w, report) }))
}

// measured writes a report for people.
func measured(w io.Writer, report *bench.Report) {
	for _, r := range report.Results {
		fmt.Fprintf(w, "%s: %s\n\n", r.Bench, r.About)
		for _, t := range r.Tables() {
			fmt.Fprintln(w, t.Title)
			tabulate(w, t.Head, t.Rows)
			fmt.Fprintln(w)
		}
		for _, n := range r.Notes {
			fmt.Fprintf(w, "%s\n\n", n)
		}
	}
	e := report.Environment
	fmt.Fprintf(w, "%d cores (%s), %s, %s, %s; load average %s at the begin, %s at the end\n",
		e.Cores, e.Processor, e.Kernel, e.Go, strings.Join(e.Brokers, ", "), e.LoadBegin, e.LoadEnd)
}

// benchReportCommand puts results into documentation.
func (c *cli) benchReportCommand() *cobra.Command {
	var page string
	cmd := &cobra.Command{
		Use:   "report FILE...",
		Short: "Print reports as Markdown, or write them into the marked sections of a page",
		Long: `Print reports that agata bench --out wrote as Markdown, or write them into the
sections of a page that are marked for their benches.`,
		Example: "  agata bench report result.json\n  agata bench report docs/benchmarks/*.json --write docs/benchmarks.md",
		Args:    argsBetween(1, -1, "files that agata bench --out wrote"),
		RunE: func(_ *cobra.Command, files []string) error {
			var reports []*bench.Report
			for _, name := range files {
				f, err := os.Open(name)
				if err != nil {
					return usageError{err}
				}
				r, err := bench.Read(f)
				if err = errors.Join(err, f.Close()); err != nil {
					return usageError{fmt.Errorf("%s: %w", name, err)}
				}
				reports = append(reports, r)
			}
			if page == "" {
				for _, r := range reports {
					for _, result := range r.Results {
						fmt.Fprintf(c.out, "## %s\n\n%s\n", result.Bench, result.Markdown(r.Environment))
					}
				}
				return nil
			}
			text, err := os.ReadFile(page)
			if err != nil {
				return usageError{err}
			}
			filled, err := bench.Fill(string(text), reports...)
			if err != nil {
				return err
			}
			return os.WriteFile(page, []byte(filled), 0o644)
		},
	}
	cmd.Flags().StringVar(&page, "write", "", "the page whose sections are written")
	return cmd
}
