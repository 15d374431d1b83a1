package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// api routes the API of the fake: what is a function's behind the real gateway is
// that function's answer, and all else is set with route.
func (f *fakeCloud) api() http.Handler {
	mux := http.NewServeMux()
	list := func(fn, key string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			limit := 0
			_, _ = fmt.Sscan(q.Get("limit"), &limit)
			req := map[string]any{"after": q.Get("cursor"), "limit": limit, "query": q.Get("q"), "state": q.Get("state"), "order": q.Get("order")}
			status, value := f.ask(fn, req)
			if status == http.StatusOK {
				page := map[string]any{}
				f.convert(value, &page)
				if key == "clients" {
					page["clients"] = page["users"]
				}
				value = page
			}
			f.write(w, status, value)
		}
	}
	call := func(fn string, names ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var req map[string]any
			body, _ := io.ReadAll(r.Body)
			if len(body) > 0 {
				if err := json.Unmarshal(body, &req); err != nil {
					f.t.Error(err)
				}
			}
			if req == nil {
				req = map[string]any{}
			}
			for i := 0; i < len(names); i += 2 {
				value := r.PathValue(names[i])
				if value == "" {
					value = r.URL.Query().Get(names[i])
				}
				req[names[i+1]] = value
			}
			if match := r.Header.Get("If-Match"); match != "" {
				req["if_match"] = match
			}
			status, value := f.ask(fn, req)
			f.write(w, status, value)
		}
	}
	mux.HandleFunc("GET /api/v1/tasks", list(contract.ListTasks.Name, "tasks"))
	mux.HandleFunc("GET /api/v1/clients", list(contract.ListUsers.Name, "clients"))
	mux.HandleFunc("POST /api/v1/tasks", call(contract.CreateTask.Name))
	mux.HandleFunc("GET /api/v1/tasks/{id}", call(contract.DescribeTask.Name, "id", "task_id"))
	mux.HandleFunc("PATCH /api/v1/tasks/{id}", call(contract.UpdateTask.Name, "id", "task_id"))
	mux.HandleFunc("DELETE /api/v1/tasks/{id}", call(contract.DeleteTask.Name, "id", "task_id"))
	mux.HandleFunc("POST /api/v1/tasks/{id}/start", call(contract.StartServerTask.Name, "id", "task_id"))
	mux.HandleFunc("POST /api/v1/tasks/{id}/stop", call(contract.StopServerTask.Name, "id", "task_id"))
	mux.HandleFunc("GET /api/v1/tasks/{id}/explain", call(contract.ExplainTask.Name, "id", "task_id", "client", "user_id"))
	mux.HandleFunc("GET /api/v1/tasks/{id}/files", call(contract.ListTaskFiles.Name, "id", "task_id"))
	mux.HandleFunc("DELETE /api/v1/tasks/{id}/files/{path...}", call(contract.DeleteTaskFile.Name, "id", "task_id", "path", "path"))
	mux.HandleFunc("POST /api/v1/criteria/check", call(contract.CheckCriteria.Name))
	mux.HandleFunc("GET /api/v1/clients/{id}", call(contract.GetUser.Name, "id", "user_id"))
	mux.HandleFunc("GET /api/v1/tasks/{id}/logs", func(w http.ResponseWriter, r *http.Request) {
		req := contract.LogsRequest{TaskID: r.PathValue("id"), After: r.URL.Query().Get("after")}
		_, _ = fmt.Sscan(r.URL.Query().Get("lines"), &req.Lines)
		status, value := f.ask(contract.ServerLogs.Name, req)
		f.write(w, status, value)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		h := f.routes[r.Method+" "+r.URL.Path]
		f.mu.Unlock()
		switch {
		case h != nil:
			h(w, r)
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "executions"): // nothing ran
			f.write(w, http.StatusOK, map[string]any{"executions": []any{}})
		default:
			f.write(w, http.StatusNotFound, "There is nothing at "+r.URL.Path+".")
		}
	})
	return mux
}

// route answers a route that is no function's.
func (f *fakeCloud) route(pattern string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.routes[pattern] = h
}

// json answers a route with text.
func (f *fakeCloud) json(pattern, text string) {
	f.route(pattern, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

// ask has a function answer.
func (f *fakeCloud) ask(fn string, req any) (int, any) {
	body, err := json.Marshal(req)
	if err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	f.calls = append(f.calls, call{fn, string(body)})
	answer := f.answer[fn]
	f.mu.Unlock()
	if answer == nil {
		return http.StatusOK, map[string]any{}
	}
	return answer(body)
}

// write answers; a failure's text as a problem.
func (f *fakeCloud) write(w http.ResponseWriter, status int, value any) {
	if text, failed := value.(string); failed {
		value = map[string]any{"status": status, "code": string(codeFor(status, text)), "detail": text}
		w.Header().Set("Content-Type", "application/problem+json")
	}
	b, err := json.Marshal(value)
	if err != nil {
		f.t.Error(err)
	}
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

func codeFor(status int, text string) rpc.Code {
	switch {
	case status == http.StatusBadRequest:
		return rpc.Invalid
	case status == http.StatusBadGateway:
		return rpc.Unavailable
	case text == contract.TaskIDTaken, strings.Contains(text, "alredy"), strings.Contains(text, "already"), status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return rpc.Conflict
	case strings.Contains(text, "not registered"), strings.Contains(text, "not found"), status == http.StatusNotFound:
		return rpc.NotFound
	}
	return rpc.Internal
}

func (f *fakeCloud) convert(from, to any) {
	b, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		f.t.Error(err)
	}
}

// stream answers a route with server-sent events, and leaves the stream open.
func (f *fakeCloud) stream(pattern string, messages ...string) {
	f.route(pattern, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, strings.Join(messages, ""))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
}
