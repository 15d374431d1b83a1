package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// metricColumns is how many clients' columns a table of rounds has at most.
	metricColumns = 8
	// maxPoints and maxSeries are what one answer holds at most.
	maxPoints, maxSeries = 5000, 1000
	// lateRounds is how long clients' last rounds may come after the server's end.
	lateRounds = 2 * time.Second
)

func (c *cli) taskMetricsCommand() *cobra.Command {
	var client, execution string
	var follow, loss bool
	var points int
	cmd := &cobra.Command{
		Use:   "metrics ID",
		Short: "Show what the rounds of a task gave, at the server and at its clients",
		Long: `Show what the rounds of a task gave: a line a round, with the accuracy that the
server and each client reported. --follow prints a line for each report as it
comes, those that there are first, until the task has ended; with --format json
the history's records, one a line.`,
		Example: "  agata task metrics digits\n  agata task metrics digits --follow\n  agata task metrics digits --format json",
		Args:    args(1, "the task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if points < 1 {
				return usagef("--points %d is less than 1", points)
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				filter := apiclient.MetricFilter{Execution: execution, Client: client, Points: points}
				if follow {
					return advise(c.followMetrics(ctx, api, args[0], filter), args[0])
				}
				m, err := api.TaskMetrics(ctx, args[0], filter)
				if err == nil && c.format != "json" {
					err = addServer(ctx, api, args[0], filter, &m.Value)
				}
				if err != nil {
					return advise(err, args[0])
				}
				return c.print(m, func(w io.Writer) { c.metricsTable(w, m.Value.Series, loss) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&client, "client", "", "of this client, which the table has beside the server")
	f.StringVar(&execution, "execution", "", "of this execution instead of the last ones")
	f.BoolVar(&loss, "loss", false, "in the table, the loss instead of the accuracy")
	f.IntVar(&points, "points", 500, "how many rounds of each at most; more are thinned out (not with --follow)")
	f.BoolVarP(&follow, "follow", "f", false, "go on with new rounds, until the task has ended")
	complete(cmd, "client", c.clientIDs)
	return cmd
}

// addServer adds the server's rounds to those of a client alone.
func addServer(ctx context.Context, api *apiclient.Client, id string, f apiclient.MetricFilter, m *apiclient.Metrics) error {
	if f.Client == "" {
		return nil
	}
	f.Client, f.Series = "", 1
	server, err := api.TaskMetrics(ctx, id, f)
	for _, s := range server.Value.Series {
		if s.Side == contract.SideServer {
			m.Series = append(m.Series, s)
		}
	}
	return err
}

// metricsTable writes a line a round and a column for the server and each client.
func (c *cli) metricsTable(w io.Writer, all []apiclient.Series, loss bool) {
	var shown []apiclient.Series
	clients := 0
	for _, s := range all {
		if s.Side == contract.SideClient {
			if clients++; clients > metricColumns {
				continue
			}
		}
		shown = append(shown, s)
	}
	slices.SortStableFunc(shown, func(a, b apiclient.Series) int { // the server first
		return cmp.Or(-cmp.Compare(a.Side, b.Side), cmp.Compare(a.Client, b.Client))
	})
	head, at := []string{"ROUND"}, map[string][]string{}
	order := map[string]float64{}
	for i, s := range shown {
		head = append(head, cmp.Or(s.Client, "SERVER"))
		if s.Thinned {
			fmt.Fprintf(c.err, "of %s only some rounds are shown; --points asks for more\n", cell(cmp.Or(s.Client, "the server")))
		}
		for _, p := range s.Points {
			row := at[p.Round]
			if row == nil {
				row = make([]string, len(shown)+1)
				row[0], order[p.Round] = p.Round, p.X
				at[p.Round] = row
			}
			row[i+1] = short(pointText(p, loss), 20)
		}
	}
	rows := make([][]string, 0, len(at))
	for _, row := range at {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b []string) int {
		return cmp.Or(cmp.Compare(order[a[0]], order[b[0]]), cmp.Compare(a[0], b[0]))
	})
	tabulate(w, head, rows)
	if len(rows) == 0 {
		fmt.Fprintln(c.err, "no round has been reported yet")
	}
	if clients > metricColumns {
		fmt.Fprintf(c.err, "%d more clients are left out; --client shows one, --format json all\n", clients-metricColumns)
	}
}

func pointText(p apiclient.Point, loss bool) string {
	v, text := p.Acc, p.AccText
	if loss {
		v, text = p.Loss, ""
	}
	if v == nil {
		return cmp.Or(text, "-")
	}
	return strconv.FormatFloat(*v, 'g', 6, 64)
}

// followMetrics prints the rounds that there are and those that come, until the
// task has ended.
func (c *cli) followMetrics(ctx context.Context, api *apiclient.Client, id string, f apiclient.MetricFilter) error {
	if _, err := api.Task(ctx, id); err != nil {
		return err
	}
	f.Points, f.Series = maxPoints, maxSeries
	began := false
	show := func(r contract.Record, raw any) error {
		if f.Client != "" && r.Client != "" && r.Client != f.Client || f.Execution != "" && r.Execution != f.Execution {
			return nil
		}
		if c.format == "json" {
			return c.line(raw)
		}
		if !began {
			began = true
			fmt.Fprintf(c.out, "%-19s  %-20s  %-8s  %-12s  %s\n", "TIME", "WHERE", "ROUND", "ACC", "LOSS")
		}
		_, err := fmt.Fprintf(c.out, "%s  %s  %s  %s  %s\n", moment(r.Time), padded(cmp.Or(r.Client, "(cloud)"), 20),
			padded(r.Round.Round, 8), padded(short(r.Round.Acc, 20), 12), cell(cmp.Or(r.Round.Loss, "-")))
		return err
	}
	// What was reported while the stream was being opened comes both ways.
	seen := map[string]bool{}
	key := func(r contract.Record) string {
		return fmt.Sprintf("%s|%s|%s|%.3f", r.Client, r.Execution, r.Round.Round, r.Time)
	}
	_, _, err := c.whileRunning(ctx, api, id, lateRounds, func(ctx context.Context) error {
		return api.Live(ctx, apiclient.LiveFilter{Kinds: []contract.RecordKind{contract.RecordRound}, Task: id}, apiclient.LiveHandler{
			Hello: func(int64) error {
				m, err := api.TaskMetrics(ctx, id, f)
				if err == nil {
					err = addServer(ctx, api, id, f, &m.Value)
				}
				if err != nil {
					return err
				}
				for _, r := range rounds(m.Value.Series) {
					seen[key(r)] = true
					if err := show(r, r); err != nil {
						return err
					}
				}
				return nil
			},
			Entry: func(e apiclient.Object[apiclient.Entry]) error {
				r := e.Value.Record
				if r.Round == nil || seen[key(r)] {
					return nil
				}
				return show(r, e.JSON)
			},
			Gap: c.gap, Away: c.gone,
		})
	})
	return err
}

// rounds are the points of series as the records that they were, by time.
func rounds(all []apiclient.Series) []contract.Record {
	var list []contract.Record
	number := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	for _, s := range all {
		for _, p := range s.Points {
			list = append(list, contract.Record{
				Kind: contract.RecordRound, Time: p.Time, Client: s.Client, About: contract.About{Task: s.Task, Execution: s.Execution},
				Round: &contract.Round{Side: s.Side, Round: p.Round, Acc: cmp.Or(p.AccText, number(p.Acc)), Loss: number(p.Loss)},
			})
		}
	}
	slices.SortStableFunc(list, func(a, b contract.Record) int { return cmp.Compare(a.Time, b.Time) })
	return list
}

// line writes an object of the API as one line.
func (c *cli) line(v any) error {
	b, err := json.Marshal(v) // of what is JSON already too: without line breaks
	if err != nil {
		return err
	}
	_, err = c.out.Write(append(b, '\n'))
	return err
}

// padded is a cell that is followed by another in a line of its own.
func padded(text string, width int) string {
	text = cell(text)
	return text + fmt.Sprintf("%*s", max(width-room(text), 0), "")
}
