package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

// eventsOptions are the flags of events and of task timeline.
type eventsOptions struct {
	filter       apiclient.EventFilter
	since, until string
	follow       bool
	out          string
}

func (c *cli) eventsCommand() *cobra.Command {
	var opt eventsOptions
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print the timeline that the cloud keeps: what happened, where and when",
		Long: `Print the timeline that the cloud keeps: what happened at the cloud and at clients,
in the order of time. --follow goes on with what happens, over restarts of the
gateway. --out writes the contract's events.json, which agata events figures reads.

The events that services also put on the brokers' queues, for readers who take
them off for good, are read by agata events take.`,
		Example: "  agata events --since 1h --task digits\n  agata events --follow --client car-7\n  agata events --out events.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.events(cmd.Context(), opt)
		},
	}
	opt.bind(c, cmd)
	f := cmd.Flags()
	f.StringVar(&opt.filter.Task, "task", "", "only events about a task")
	f.BoolVarP(&opt.follow, "follow", "f", false, "go on until interrupted; --format json prints an object a line")
	f.Bool("cloud", false, "")
	_ = f.MarkHidden("cloud") // it fails only for a flag that is not there
	complete(cmd, "task", c.taskIDs)
	// What agata events was before its flags meant the history.
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		if f.Changed("cloud") || strings.HasPrefix(opt.filter.Client, "-") {
			return usagef("%s", takeInstead)
		}
		return args(0, "no arguments")(cmd, given)
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if strings.Contains(err.Error(), "--client") {
			return usagef("%w: it is a client's user id; %s", err, takeInstead)
		}
		return usagef("%w; see %s --help", err, cmd.CommandPath())
	})
	cmd.AddCommand(c.takeCommand(), c.figuresCommand())
	return cmd
}

const takeInstead = "agata events reads the history now; agata events take, with the flags --cloud and --client, takes events off a broker's queue"

func (c *cli) taskTimelineCommand() *cobra.Command {
	var opt eventsOptions
	cmd := &cobra.Command{
		Use:   "timeline ID",
		Short: "Print a task's timeline: what happened about it, where and when",
		Long: `Print a task's timeline: what happened about it at the cloud and at clients, in the
order of time. It is agata events --task ID.`,
		Example: "  agata task timeline digits\n  agata task timeline digits --out events.json",
		Args:    args(1, "the task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt.filter.Task = args[0]
			return c.events(cmd.Context(), opt)
		},
	}
	opt.bind(c, cmd)
	cmd.Flags().BoolVarP(&opt.follow, "follow", "f", false, "go on until interrupted; --format json prints an object a line")
	return cmd
}

func (o *eventsOptions) bind(c *cli, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.filter.Client, "client", "", "only events at a client, by its user id")
	f.StringVar(&o.filter.Execution, "execution", "", "only events of an execution")
	f.StringVar(&o.filter.Service, "service", "", "only events of a service")
	f.StringVar(&o.filter.Function, "function", "", "only events of a function")
	f.StringVar(&o.filter.Text, "text", "", "only events with this in their text")
	f.StringVar(&o.since, "since", "", "only since then: 90s, 1h, 2h30m ago, or 2006-01-02 15:04:05")
	f.StringVar(&o.until, "until", "", "only until then, written as --since")
	f.IntVar(&o.filter.Limit, "limit", 0, "the last ones, how many at most; 0: all")
	f.StringVar(&o.out, "out", "", "write them to a file as the contract's events.json; an older file is replaced")
	complete(cmd, "client", c.clientIDs)
}

func (c *cli) events(ctx context.Context, opt eventsOptions) error {
	if err := checkLimit(opt.filter.Limit); err != nil {
		return err
	}
	now := time.Now()
	var err error
	if opt.filter.From, err = instant("--since", opt.since, now); err != nil {
		return err
	}
	if opt.filter.To, err = instant("--until", opt.until, now); err != nil {
		return err
	}
	switch {
	case opt.follow && opt.out != "":
		return usagef("--follow and --out are two wishes: --out writes what is there now")
	case opt.follow && opt.until != "":
		return usagef("--follow goes on until interrupted, so --until has no meaning")
	case opt.out != "" && opt.filter.Limit > 0:
		return usagef("--out writes all that match: --limit has no meaning")
	}
	if opt.out != "" {
		// Before anything is asked: can it be kept?
		if err := writable(opt.out); err != nil {
			return usagef("--out: %w", err)
		}
	}
	return c.api(ctx, func(ctx context.Context, api *apiclient.Client) error {
		switch {
		case opt.out != "":
			return c.writeEvents(ctx, api, opt)
		case opt.follow:
			return c.followEvents(ctx, api, opt)
		}
		n, err := list(c, lastOf(api.Events, ctx, opt.filter), eventHead, eventRow)
		if err == nil && n == 0 {
			fmt.Fprintln(c.err, "nothing of that kind is in the history")
		}
		return err
	})
}

// lastOf lists events by time; with a limit the last of them.
func lastOf(events func(context.Context, apiclient.EventFilter) iter.Seq2[apiclient.Object[apiclient.Entry], error], ctx context.Context, f apiclient.EventFilter) iter.Seq2[apiclient.Object[apiclient.Entry], error] {
	if f.Limit == 0 {
		return events(ctx, f)
	}
	return func(yield func(apiclient.Object[apiclient.Entry], error) bool) {
		f.Newest = true
		var last []apiclient.Object[apiclient.Entry]
		for e, err := range events(ctx, f) {
			if err != nil {
				yield(e, err)
				return
			}
			last = append(last, e)
		}
		for _, e := range slices.Backward(last) {
			if !yield(e, nil) {
				return
			}
		}
	}
}

var eventHead = []string{"TIME", "WHERE", "SERVICE", "FUNCTION", "TASK", "EVENT"}

func eventRow(e apiclient.Entry) []string {
	ev := contract.Event{Time: e.Time}
	if e.Event != nil {
		ev = *e.Event
	}
	return []string{clockText(e.Time), cmp.Or(e.Client, "(cloud)"), ev.Service, ev.Function, e.Task, ev.Event}
}

// instant reads a point in time, as unix seconds; none is 0.
func instant(flag, text string, now time.Time) (float64, error) {
	if text == "" {
		return 0, nil
	}
	at := now
	if d, err := time.ParseDuration(text); err == nil {
		if d < 0 {
			return 0, usagef("%s %s is in the future", flag, text)
		}
		at = now.Add(-d)
	} else {
		for _, layout := range []string{contract.DateLayout, time.RFC3339Nano, "2006-01-02T15:04:05", time.DateOnly} {
			if at, err = time.ParseInLocation(layout, text, time.Local); err == nil {
				break
			}
		}
		if err != nil {
			return 0, usagef("%s %q is no time: write how long ago, such as 90s, 1h or 2h30m, or a time such as %q", flag, text, contract.DateLayout)
		}
	}
	return float64(at.UnixMicro()) / 1e6, nil
}

// writeEvents writes events to a file, which takes its name when it is whole.
func (c *cli) writeEvents(ctx context.Context, api *apiclient.Client, opt eventsOptions) (err error) {
	f, err := os.CreateTemp(filepath.Dir(opt.out), filepath.Base(opt.out)+".*.partial")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name()) // the failure is told already
		}
	}()
	n, err := api.ExportEvents(ctx, opt.filter, f)
	if err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), opt.out); err != nil {
		return err
	}
	fmt.Fprintf(c.err, "%d events in %s\n", n, opt.out)
	return nil
}
