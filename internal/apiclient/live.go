package apiclient

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/agata-fl/agata/internal/sse"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

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
	place := func(m sse.Message) error {
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
		on: func(m sse.Message) error {
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
		on: func(m sse.Message) error {
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
