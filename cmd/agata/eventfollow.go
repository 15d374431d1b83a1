package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

// lastEvents is how many events --follow shows before those that come.
const lastEvents = 10

// followEvents prints the last events, or those since a time, and then what comes.
func (c *cli) followEvents(ctx context.Context, api *apiclient.Client, opt eventsOptions) error {
	f := opt.filter
	if f.Limit == 0 && f.From == 0 {
		f.Limit = lastEvents
	}
	print := c.eventPrinter()
	// Those that were stored after the stream was opened, and read with the last ones.
	shown := map[int64]bool{}
	return api.Live(ctx, apiclient.LiveFilter{Kinds: []contract.RecordKind{contract.RecordEvent}, Task: f.Task, Client: f.Client}, apiclient.LiveHandler{
		Hello: func(seq int64) error {
			for e, err := range lastOf(api.Events, ctx, f) {
				if err != nil {
					return err
				}
				if e.Value.Seq > seq {
					shown[e.Value.Seq] = true
				}
				if err := print(e); err != nil {
					return err
				}
			}
			return nil
		},
		Entry: func(e apiclient.Object[apiclient.Entry]) error {
			if shown[e.Value.Seq] || !matches(f, e.Value) {
				delete(shown, e.Value.Seq)
				return nil
			}
			return print(e)
		},
		Gap: c.gap, Away: c.gone,
	})
}

// matches tells of what comes live whether it is wanted, as the history does of
// what it holds.
func matches(f apiclient.EventFilter, e apiclient.Entry) bool {
	if e.Event == nil {
		return false
	}
	return (f.Service == "" || e.Event.Service == f.Service) && (f.Function == "" || e.Event.Function == f.Function) &&
		(f.Execution == "" || e.Execution == f.Execution) && e.Time >= f.From &&
		strings.Contains(strings.ToLower(e.Event.Event), strings.ToLower(f.Text))
}

// eventPrinter writes events one by one, in columns or as an object a line.
func (c *cli) eventPrinter() func(apiclient.Object[apiclient.Entry]) error {
	if c.format == "json" {
		return func(e apiclient.Object[apiclient.Entry]) error { return c.line(e.JSON) }
	}
	return func(e apiclient.Object[apiclient.Entry]) error {
		row := eventRow(e.Value)
		_, err := fmt.Fprintf(c.out, "%s  %s  %s  %s  %s  %s\n", row[0], padded(row[1], 16), padded(row[2], 20), padded(row[3], 34), padded(row[4], 16), cell(row[5]))
		return err
	}
}
