package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
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

// LiveFilter says what a live stream brings.
type LiveFilter struct {
	Kinds        []contract.RecordKind
	Task, Client string
	// After asks also for what was stored after this record; nil: only what comes.
	After *int64
}

// LiveHandler takes what a live stream brings, one at a time. An error of Hello or
// Entry ends the stream.
type LiveHandler struct {
	// Hello is told, when the stream is first open, the seq after which it begins;
	// may be nil.
	Hello func(seq int64) error
	Entry func(Object[Entry]) error
	// Gap is told when records were lost between two entries; may be nil.
	Gap func()
	// Away is told, once an absence, that the gateway is gone; may be nil.
	Away func(error)
}

// Live reads what is stored as it is stored, each record once and in its order,
// over broken connections and restarts of the gateway, until ctx ends, which is
// no failure.
func (c *Client) Live(ctx context.Context, f LiveFilter, h LiveHandler) error {
	kinds := make([]string, len(f.Kinds))
	for i, k := range f.Kinds {
		kinds[i] = string(k)
	}
	var last int64 // of the records that came
	known := f.After != nil
	if known {
		last = *f.After
	}
	greeted := false
	// The stream says where it goes on: at its beginning, and beyond a gap, which
	// may be behind where it was if the history began anew.
	place := func(m Message) error {
		var at struct {
			Seq int64 `json:"seq"`
		}
		if err := json.Unmarshal(m.Data, &at); err != nil {
			return rpc.Errorf(rpc.Internal, "the gateway's live stream brought something unexpected as %s: %w", m.Event, err)
		}
		gap := m.Event == "gap"
		if gap || !known {
			last, known = at.Seq, true
		}
		switch {
		case gap && h.Gap != nil:
			h.Gap()
		case !gap && !greeted && h.Hello != nil:
			greeted = true
			return h.Hello(at.Seq)
		}
		return nil
	}
	return c.follow(ctx, stream{
		path: path("live"), away: h.Away,
		query: func(string) url.Values {
			v := values("kinds", strings.Join(kinds, ","), "task", f.Task, "client", f.Client)
			if known {
				v.Set("after", strconv.FormatInt(last, 10))
			}
			return v
		},
		on: func(m Message) error {
			switch m.Event {
			case "hello", "gap":
				return place(m)
			}
			var e Object[Entry]
			if err := json.Unmarshal(m.Data, &e); err != nil {
				return rpc.Errorf(rpc.Internal, "the gateway's live stream brought something unexpected: %w: %.100q", err, m.Data)
			}
			if known && e.Value.Seq <= last {
				return nil // it came before the connection broke
			}
			last, known = e.Value.Seq, true
			return h.Entry(e)
		},
	})
}

// FollowLogs brings the lines that a task's server writes after the cursor (the
// next of [Client.TaskLogs]), as they come, with the cursor after them.
func (c *Client) FollowLogs(ctx context.Context, task, after string, on func(lines []string, next string) error, away func(error)) error {
	return c.follow(ctx, stream{
		path: path("tasks", task, "logs", "live"), after: after, away: away,
		query: func(after string) url.Values { return values("after", after) },
		on: func(m Message) error {
			if m.Event != "lines" {
				return nil
			}
			var body struct {
				Lines []string `json:"lines"`
			}
			if err := json.Unmarshal(m.Data, &body); err != nil {
				return rpc.Errorf(rpc.Internal, "the gateway's log stream brought something unexpected: %w", err)
			}
			return on(body.Lines, m.ID)
		},
	})
}
