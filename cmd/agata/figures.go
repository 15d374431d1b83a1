package main

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/timeline"
)

func (c *cli) figuresCommand() *cobra.Command {
	experiment := 1
	steps := map[int]func() []timeline.Step{1: timeline.Experiment1, 2: timeline.Experiment2, 3: timeline.Experiment3}
	cmd := &cobra.Command{
		Use:     "figures FILE",
		Short:   "Print an experiment's figures from a file of events",
		Example: "  agata events figures events.json --experiment 2",
		Args:    args(1, "a file that --out or another reader of events wrote"),
		RunE: func(_ *cobra.Command, args []string) error {
			if steps[experiment] == nil {
				return usagef("there is no experiment %d; there are 1, 2 and 3", experiment)
			}
			events, err := timeline.ReadFile(args[0])
			if err != nil {
				return usageError{err}
			}
			return c.printFigures(timeline.Figures(events, steps[experiment]()))
		},
	}
	cmd.Flags().IntVar(&experiment, "experiment", 1, "which experiment the events are of: 1, 2 or 3")
	choice(cmd, "experiment", "1", "2", "3")
	return cmd
}

// figure is a figure as --format json prints it; seconds are null where an event
// is missing, published where there is none.
type figure struct {
	Name      string      `json:"name"`
	Seconds   *float64    `json:"seconds"`
	Published *[2]float64 `json:"published"`
}

func (c *cli) printFigures(figures []timeline.Figure) error {
	list := make([]figure, len(figures))
	rows := make([][]string, len(figures))
	for i, f := range figures {
		list[i].Name = f.Name
		rows[i] = []string{f.Name, "not on the timeline", "-"}
		if f.Found {
			list[i].Seconds = &f.Seconds
			rows[i][1] = seconds(f.Seconds)
		}
		if p := f.Published; p != (timeline.Published{}) {
			list[i].Published = &[2]float64{p.Low, p.High}
			rows[i][2] = seconds(p.Low)
			if p.High != p.Low {
				rows[i][2] += " to " + seconds(p.High)
			}
		}
	}
	return c.print(list, func(w io.Writer) { tabulate(w, []string{"FIGURE", "SECONDS", "PUBLISHED"}, rows) })
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 4, 64) }
