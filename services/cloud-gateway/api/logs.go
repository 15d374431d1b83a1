package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	defaultLines = 200
	// logsPause is between two looks at a task's output, for a live stream.
	logsPause = time.Second
)

func itoa(n int) string { return strconv.Itoa(n) }

func logsRequest(r *http.Request, q *params) (contract.LogsRequest, error) {
	req := contract.LogsRequest{TaskID: r.PathValue("id"), Lines: q.number("lines", defaultLines, 1, maxLimit), After: q.text("after", 1024)}
	return req, q.err()
}

func (a *API) logs(w http.ResponseWriter, r *http.Request, q *params) error {
	req, err := logsRequest(r, q)
	if err != nil {
		return err
	}
	logs, err := call(r.Context(), a, contract.ServerLogs, req)
	if err != nil {
		return err
	}
	logs.Lines = list(logs.Lines)
	return reply(w, http.StatusOK, logs)
}

// liveLogs sends what a task's server side writes, as it comes. It ends when the
// task is gone; a cloud that is away for a while is waited for.
func (a *API) liveLogs(w http.ResponseWriter, r *http.Request, q *params) error {
	req, err := logsRequest(r, q)
	if err != nil {
		return err
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" && len(last) <= 1024 {
		req.After = last
	}
	logs, err := call(r.Context(), a, contract.ServerLogs, req)
	if err != nil {
		return err
	}
	return serveEvents(w, r, func(ctx context.Context, s *events) error {
		for first := true; ; first = false {
			if len(logs.Lines) > 0 || first {
				body, err := json.Marshal(map[string][]string{"lines": list(logs.Lines)})
				if err != nil {
					return err
				}
				if err := s.send(logs.Next, "lines", body); err != nil {
					return err
				}
			}
			pause := logsPause
			if req.After != "" && len(logs.Lines) == req.Lines { // there are more
				pause = 0
			}
			if logs.Next != "" {
				req.After, req.Lines = logs.Next, maxLimit
			}
			if err := s.pause(ctx, pause); err != nil {
				return err
			}
			logs, err = call(ctx, a, contract.ServerLogs, req)
			switch {
			case rpc.CodeOf(err) == rpc.NotFound:
				return nil
			case err != nil:
				logs = contract.Logs{}
			}
		}
	})
}
