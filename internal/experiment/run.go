package experiment

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/contract"
)

// Options of an experiment.
type Options struct {
	// Dir takes events.json and expN_raw_times; "experiments" if empty.
	Dir string
	// Python is the interpreter of tasks; it must be able to import flwr.
	Python string
	// GoTask is the built gofedavg, for a demonstration without Python.
	GoTask string
	// Stay leaves a demonstration up at its end, until the context ends.
	Stay bool
	// CloudBroker and ClientBroker are host:port of RabbitMQ nodes; "" means an
	// embedded broker.
	CloudBroker, ClientBroker string
	// Runs repeats the experiment; 1 if zero.
	Runs int
	// Interval is the seconds between two polls of a client; 10 if empty, as in
	// the original.
	Interval string
	Logger   *slog.Logger
	People   io.Writer // progress
	Out      io.Writer // figures
	JSON     bool      // figures as JSON
}

func (o Options) interval() string { return cmp.Or(o.Interval, "10") }

// limit bounds one run.
const limit = 3 * time.Minute

// story is an experiment: what happens, and which figures it shows.
type story struct {
	tell  func(context.Context, *lab) error
	steps func() []timeline.Step
}

var stories = map[int]story{
	1: {experiment1, timeline.Experiment1},
	2: {experiment2, timeline.Experiment2},
	3: {experiment3, timeline.Experiment3},
}

// Run runs experiment n: it prints each figure, appends them to expN_raw_times
// and writes events.json of the last run. A figure whose events are missing is
// an error.
func Run(ctx context.Context, n int, opt Options) error {
	st, ok := stories[n]
	if !ok {
		return fmt.Errorf("there is no experiment %d; there are 1, 2 and 3", n)
	}
	opt.Dir = cmp.Or(opt.Dir, "experiments")
	opt.Runs = max(opt.Runs, 1)
	opt.Logger = silent(opt.Logger)
	samples := make([][]float64, len(st.steps()))
	for run := 1; run <= opt.Runs; run++ {
		fmt.Fprintf(opt.People, "experiment %d, run %d of %d ...\n", n, run, opt.Runs)
		events, err := once(ctx, opt, st.tell)
		if werr := timeline.WriteFile(filepath.Join(opt.Dir, "events.json"), events); werr != nil {
			return errors.Join(err, werr)
		}
		if err != nil {
			return fmt.Errorf("experiment %d, run %d: %w", n, run, err)
		}
		figures := timeline.Figures(events, st.steps())
		if err := appendRaw(filepath.Join(opt.Dir, fmt.Sprintf("exp%d_raw_times", n)), figures); err != nil {
			return err
		}
		for i, f := range figures {
			if !f.Found {
				return fmt.Errorf("experiment %d, run %d: the events of figure %q are not on the timeline (%s/events.json)", n, run, f.Name, opt.Dir)
			}
			samples[i] = append(samples[i], f.Seconds)
		}
	}
	return report(opt, n, st.steps(), samples)
}

// once tells the story in a lab of its own and returns its events, those of a
// failed one too.
func once(ctx context.Context, opt Options, tell func(context.Context, *lab) error) (_ []contract.Event, err error) {
	dir, err := os.MkdirTemp("", "agata-experiment-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(dir)
		} else {
			err = fmt.Errorf("%w (state and logs are kept in %s)", err, dir)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	l, err := newLab(ctx, opt, dir)
	if err != nil {
		return nil, err
	}
	err = tell(l.ctx, l)
	if err == nil {
		// The last events are on their way.
		select {
		case <-time.After(200 * time.Millisecond):
		case <-l.ctx.Done():
		}
	}
	events := l.events()
	return events, errors.Join(err, l.close())
}

// appendRaw keeps each run's figures in the form that statistics scripts of the
// original read.
func appendRaw(path string, figures []timeline.Figure) error {
	text := "---- RESULTS ----\n"
	for _, f := range figures {
		if f.Found {
			text += fmt.Sprintf("%s = %.6f seconds\n", f.Name, f.Seconds)
		} else {
			text += fmt.Sprintf("%s = Not found seconds\n", f.Name)
		}
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// row is one figure of the report.
type row struct {
	Figure      string    `json:"figure"`
	Runs        int       `json:"runs"`
	Mean        float64   `json:"mean_seconds"`
	CI          *float64  `json:"ci95_seconds,omitempty"`
	Published   []float64 `json:"original_seconds,omitempty"`
	TimesFaster *float64  `json:"times_faster,omitempty"`
}

func report(opt Options, n int, steps []timeline.Step, samples [][]float64) error {
	rows := make([]row, len(steps))
	for i, st := range steps {
		s := timeline.Summarize(samples[i])
		rows[i] = row{Figure: st.Name, Runs: s.N, Mean: s.Mean}
		if s.N > 1 {
			rows[i].CI = &s.CI
		}
		if p := st.Published; p.High > 0 {
			rows[i].Published = []float64{p.Low, p.High}
			times := p.Low / s.Mean
			rows[i].TimesFaster = &times
		}
	}
	if opt.JSON {
		enc := json.NewEncoder(opt.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"experiment": n, "figures": rows})
	}
	fmt.Fprintf(opt.Out, "%-58s %12s %12s  %-14s %s\n", "figure (seconds)", "mean", "± 95 % CI", "original", "times faster")
	for _, r := range rows {
		ci, published, times := "-", "-", "-"
		if r.CI != nil {
			ci = fmt.Sprintf("%.4f", *r.CI)
		}
		if r.Published != nil {
			published = fmt.Sprintf("%g", r.Published[0])
			if r.Published[1] != r.Published[0] {
				published += fmt.Sprintf("-%g", r.Published[1])
			}
			times = fmt.Sprintf("%.1f", *r.TimesFaster)
		}
		fmt.Fprintf(opt.Out, "%-58s %12.4f %12s  %-14s %s\n", r.Figure, r.Mean, ci, published, times)
	}
	fmt.Fprintf(opt.People, "events: %s, every run: %s\n", filepath.Join(opt.Dir, "events.json"), filepath.Join(opt.Dir, fmt.Sprintf("exp%d_raw_times", n)))
	return nil
}
