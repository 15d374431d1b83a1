package apiclient

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// Execution is one run of a task at one place: at the cloud when Client is "".
type Execution struct {
	ID     string `json:"id"`
	Task   string `json:"task"`
	Client string `json:"client"`
	contract.ExecutionRun
}

// ExecutionFilter says which executions are listed, the newest first. Zero: all.
type ExecutionFilter struct {
	Task, Client, State, Side string
	Limit                     int // how many at most; 0: all
}

// Executions lists executions.
func (c *Client) Executions(ctx context.Context, f ExecutionFilter) iter.Seq2[Object[Execution], error] {
	return each[Execution](ctx, c, path("executions"),
		values("task", f.Task, "client", f.Client, "state", f.State, "side", f.Side), "executions", f.Limit)
}

// Execution returns one with the last lines of its output.
func (c *Client) Execution(ctx context.Context, id string) (v Object[Execution], err error) {
	if err := checkID(id, func(id string) string { return fmt.Sprintf("there is no execution %q", id) }); err != nil {
		return v, err
	}
	return get[Execution](ctx, c, path("executions", id), nil)
}

// Series are the rounds of one execution.
type Series struct {
	Task      string  `json:"task"`
	Execution string  `json:"execution"`
	Client    string  `json:"client"` // "" at the cloud
	Side      string  `json:"side"`
	Points    []Point `json:"points"`
	Thinned   bool    `json:"thinned"` // there are more points than these
}

// Point is a round of a [Series]. Acc and Loss are nil where the task gave no number.
type Point struct {
	Round   string   `json:"round"`
	X       float64  `json:"x"`
	Time    float64  `json:"time"` // unix seconds
	Acc     *float64 `json:"acc"`
	Loss    *float64 `json:"loss"`
	AccText string   `json:"acc_text"`
}

// Metrics is the rounds of a task.
type Metrics struct {
	Series []Series `json:"series"`
}

// MetricFilter says whose rounds are read. Zero: the newest execution's at the
// server and at each client.
type MetricFilter struct {
	Execution, Client string // Client: of this one alone, without the server's
	Points            int    // of each series at most; 0: as many as the gateway sees fit
	Series            int    // the server's and those of clients that reported last, how many at most; 0: the same
}

// TaskMetrics returns the rounds of a task.
func (c *Client) TaskMetrics(ctx context.Context, task string, f MetricFilter) (v Object[Metrics], err error) {
	if err := checkID(task, contract.TaskNotRegistered); err != nil {
		return v, err
	}
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	return get[Metrics](ctx, c, path("tasks", task, "metrics"),
		values("execution", f.Execution, "client", f.Client, "points", number(f.Points), "series", number(f.Series)))
}

// Overview is the fleet at a glance. What could not be learnt is empty, and
// Missing says why.
type Overview struct {
	Tasks   contract.TaskCounts `json:"tasks"`
	Clients struct {
		Known     int `json:"known"`
		Seen      int `json:"seen"` // within a minute
		RunningOn int `json:"running_on"`
	} `json:"clients"`
	Executions struct {
		Running      int `json:"running"`
		FailedLately int `json:"failed_lately"` // within a day
	} `json:"executions"`
	Broker struct {
		Up    bool   `json:"up"`
		Error string `json:"error"`
	} `json:"broker"`
	History struct {
		Events int64   `json:"events"`
		First  float64 `json:"first"` // unix seconds
		Last   float64 `json:"last"`
		Bytes  int64   `json:"bytes"`
	} `json:"history"`
	Services []baseservice.Info `json:"services"`
	Running  []Execution        `json:"running"`
	Failures []Execution        `json:"failures"` // the newest first
	Version  string             `json:"version"`
	Missing  []string           `json:"missing"`
}

// Overview returns the fleet at a glance.
func (c *Client) Overview(ctx context.Context) (Object[Overview], error) {
	return get[Overview](ctx, c, path("overview"), nil)
}

// Entry is a record of the history. Seq grows with every one that is stored.
type Entry struct {
	Seq int64 `json:"seq"`
	contract.Record
}

// EventFilter says which events are read. Zero: all, the oldest first.
type EventFilter struct {
	Task, Client, Execution, Service, Function, Text string
	From, To                                         float64 // unix seconds; 0: open
	Newest                                           bool    // the newest first
	Limit                                            int     // how many at most; 0: all
}

func (f EventFilter) query() url.Values {
	v := values("task", f.Task, "client", f.Client, "execution", f.Execution, "service", f.Service, "function", f.Function,
		"q", f.Text, "from", unix(f.From), "to", unix(f.To))
	if f.Newest {
		v.Set("order", "newest")
	}
	return v
}

func unix(t float64) string {
	if t == 0 {
		return ""
	}
	return strconv.FormatFloat(t, 'f', 6, 64)
}

// Events lists events of the history.
func (c *Client) Events(ctx context.Context, f EventFilter) iter.Seq2[Object[Entry], error] {
	return each[Entry](ctx, c, path("events"), f.query(), "events", f.Limit)
}
