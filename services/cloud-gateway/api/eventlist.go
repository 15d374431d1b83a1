package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

// EventList is a page of events.
type EventList struct {
	Events []history.Entry `json:"events"`
	Next   string          `json:"next,omitempty"`
}

// eventFilter reads what narrows events down; a task may be in the path.
func eventFilter(r *http.Request, q *params) history.Filter {
	f := history.Filter{
		Kinds: []contract.RecordKind{contract.RecordEvent},
		Task:  cmp.Or(r.PathValue("id"), q.text("task", 256)), Client: q.text("client", 256), Execution: q.text("execution", 256),
		Service: q.text("service", 256), Function: q.text("function", 256), Text: q.text("q", 256),
		From: q.seconds("from"), To: q.seconds("to"),
	}
	if f.To != 0 && f.To < f.From {
		q.faults["to"] = "is before from"
	}
	return f
}

func (a *API) listEvents(w http.ResponseWriter, r *http.Request, q *params) error {
	filter := eventFilter(r, q)
	page := history.EventPage{Cursor: q.cursor(), Limit: q.limit(), Newest: q.oneOf("order", "oldest", "newest") == "newest"}
	if err := q.err(); err != nil {
		return err
	}
	entries, next, err := a.history.Events(r.Context(), filter, page)
	if err != nil {
		return pageFault(err)
	}
	return reply(w, http.StatusOK, EventList{Events: list(entries), Next: next})
}

func (a *API) density(w http.ResponseWriter, r *http.Request, q *params) error {
	filter := eventFilter(r, q)
	by, buckets, lanes := q.oneOf("by", "service", "client"), q.number("buckets", 200, 1, 500), q.number("lanes", 50, 1, 500)
	if err := q.err(); err != nil {
		return err
	}
	d, err := a.history.Density(r.Context(), filter, by, buckets, lanes)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, d)
}

// exportEvents sends events as the contract's events.json: one array, by time.
func (a *API) exportEvents(w http.ResponseWriter, r *http.Request, q *params) error {
	filter := eventFilter(r, q)
	if err := q.err(); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="events.json"`)
	if r.Method == http.MethodHead {
		return nil
	}
	out := &export{w: w, ctl: http.NewResponseController(w)}
	err := a.history.EachEvent(r.Context(), filter, out.add)
	if err == nil {
		err = out.end()
	}
	if err != nil {
		if !out.began {
			h.Del("Content-Disposition")
			return err
		}
		a.log.Debug("an export of events broke off", "err", err)
		panic(http.ErrAbortHandler) // the reader must not take the part for the whole
	}
	return nil
}

// export writes an array of events piece by piece.
type export struct {
	w     http.ResponseWriter
	ctl   *http.ResponseController
	buf   []byte
	began bool // something was written
	some  bool // there was an event
}

// exportPiece is how much is gathered before it goes out, in bytes.
const exportPiece = 64 << 10

func (e *export) add(entry history.Entry) error {
	if entry.Event == nil {
		return nil
	}
	event := *entry.Event
	event.Time = entry.Time
	line, err := json.Marshal(event)
	if err != nil {
		return err
	}
	if e.some {
		e.buf = append(e.buf, ",\n"...)
	} else {
		e.buf = append(e.buf, "[\n"...)
	}
	e.some = true
	e.buf = append(e.buf, line...)
	if len(e.buf) < exportPiece {
		return nil
	}
	return e.write()
}

func (e *export) write() error {
	_ = e.ctl.SetWriteDeadline(time.Now().Add(idle)) // without support there is no waiting
	e.began = true
	_, err := e.w.Write(e.buf)
	e.buf = e.buf[:0]
	return err
}

func (e *export) end() error {
	if !e.some {
		e.buf = append(e.buf, '[')
	}
	e.buf = append(e.buf, "]\n"...)
	return e.write()
}

// pageFault tells a cursor that the history did not give from a failure.
func pageFault(err error) error {
	if errors.Is(err, history.ErrCursor) {
		return badFields(map[string]string{"cursor": "is none of this list"})
	}
	return err
}
