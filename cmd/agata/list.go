package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/agata-fl/agata/internal/apiclient"
)

// listRows is how many rows of a list are laid out at once.
const listRows = 200

// list writes a list as it comes, as a table or as one JSON array of the API's own
// objects, and returns how long it is. A list of any length is never held.
func list[T any](c *cli, all iter.Seq2[apiclient.Object[T], error], head []string, row func(T) []string) (n int, err error) {
	table := &columns{head: head}
	asJSON := c.format == "json"
	for v, err := range all {
		if err != nil {
			if !asJSON && n > 0 {
				_, _ = io.WriteString(c.out, table.flush())
			}
			return n, err
		}
		n++
		if asJSON {
			between := ",\n  "
			if n == 1 {
				between = "[\n  "
			}
			if _, err := io.WriteString(c.out, between); err != nil {
				return n, err
			}
			if err := c.indented("  ", v.JSON, ""); err != nil {
				return n, err
			}
			continue
		}
		table.add(row(v.Value))
		if len(table.rows) == listRows {
			if _, err := io.WriteString(c.out, table.flush()); err != nil {
				return n, err
			}
		}
	}
	end := "\n]\n"
	switch {
	case !asJSON:
		end = table.flush()
	case n == 0:
		end = "[]\n"
	}
	_, err = io.WriteString(c.out, end)
	return n, err
}

// watch shows something again and again, in place on a terminal and elsewhere
// when it has changed, until ctx ends. show writes to the cli that it is given.
func (c *cli) watch(ctx context.Context, every time.Duration, show func(context.Context, *cli) error) error {
	if every < 100*time.Millisecond {
		return usagef("--every %s is less than 100ms", every)
	}
	before, heard, told := "", time.Now(), false
	for first := true; ; first = false {
		var now bytes.Buffer
		look := *c
		look.out = &now
		err := show(ctx, &look)
		switch {
		case ctx.Err() != nil: // people leave it so
			return nil
		case err == nil:
			heard, told = time.Now(), false
			if now.String() != before || first {
				if err := c.redraw(now.String(), first); err != nil {
					return err
				}
			}
			before = now.String()
		case first || !away(err) || time.Since(heard) > waitPatience:
			return err
		case !told:
			told = true
			c.gone(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

// redraw replaces on a terminal what was shown before.
func (c *cli) redraw(text string, first bool) error {
	switch {
	case onTerminal(c.out):
		text = "\x1b[H\x1b[2J" + text
	case !first && c.format != "json":
		text = "\n" + text
	}
	_, err := io.WriteString(c.out, text)
	return err
}

func onTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// watchFlags are those of verbs that show something again and again.
type watchFlags struct {
	on    bool
	every time.Duration
}

func (w *watchFlags) show(ctx context.Context, c *cli, show func(context.Context, *cli) error) error {
	if !w.on {
		return show(ctx, c)
	}
	return c.watch(ctx, w.every, show)
}

// checkLimit refuses a --limit that cannot be.
func checkLimit(limit int) error {
	if limit < 0 {
		return usagef("--limit %d is negative", limit)
	}
	return nil
}

// ago tells people how long ago something was.
func ago(unix float64, now time.Time) string {
	if unix == 0 {
		return "never"
	}
	d := max(now.Sub(time.UnixMilli(int64(unix*1e3))), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}
