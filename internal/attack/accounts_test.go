package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/access/accesstest"
)

func TestNoAnswerTellsWhoHasAnAccount(t *testing.T) {
	w := newWorld(t, "auth.sign_in_per_minute", "1000")
	sign := func(name, password string) (answer, time.Duration) {
		began := time.Now()
		a := w.ask("nobody", "POST", "/api/v1/session", `{"name":`+quoted(name)+`,"password":`+quoted(password)+`}`)
		return a, time.Since(began)
	}
	strip := func(a answer) string { // what differs from request to request
		_, rest, _ := strings.Cut(a.body, `"correlation_id"`)
		_, rest, _ = strings.Cut(rest, ",")
		before, _, _ := strings.Cut(a.body, `"correlation_id"`)
		return fmt.Sprint(a.status, before, rest)
	}
	known, _ := sign("admin", "wrong password")
	var forKnown, forUnknown []time.Duration
	for i := range 6 {
		_, took := sign("admin", "wrong password")
		forKnown = append(forKnown, took)
		unknown, took := sign(fmt.Sprint("nobody", i), "wrong password")
		forUnknown = append(forUnknown, took)
		if strip(unknown) != strip(known) || unknown.status != 401 {
			t.Fatalf("unknown: %v, known: %v", unknown, known)
		}
	}
	slices.Sort(forKnown)
	slices.Sort(forUnknown)
	// The hash is what takes the time; without it the answer comes ten times as fast.
	if a, b := forKnown[1], forUnknown[1]; a > 4*b || b > 4*a {
		t.Errorf("a known name takes %s, an unknown one %s", a, b)
	}
	for _, path := range []string{"/api/v1/operators/admin", "/api/v1/operators/nobody", "/api/v1/clients/c1/credential", "/api/v1/clients/nobody/credential", "/api/v1/tasks/own", "/api/v1/tasks/none"} {
		if a := w.ask("nobody", "GET", path, ""); a.status != 401 && a.status != 405 {
			t.Errorf("%s: %v", path, a)
		}
	}
	if a, b := w.ask("viewer", "PATCH", "/api/v1/operators/admin", `{"password":"new password 1"}`), w.ask("viewer", "PATCH", "/api/v1/operators/nobody", `{"password":"new password 1"}`); a.status != 403 || b.status != 403 {
		t.Errorf("a viewer is told %v and %v", a, b)
	}
}

func TestNoPasswordIsGuessedFast(t *testing.T) {
	w := newWorld(t, "auth.sign_in_per_minute", "5")
	tried, refused := 0, 0
	for i := range 30 {
		switch a := w.ask("nobody", "POST", "/api/v1/session", fmt.Sprintf(`{"name":"admin","password":"guess number %d"}`, i)); a.status {
		case 401:
			tried++
		case 429:
			refused++
			if a.header.Get("Retry-After") == "" {
				t.Errorf("%v has no Retry-After", a)
			}
		default:
			t.Errorf("got %v", a)
		}
	}
	if tried > 10 || refused < 20 {
		t.Errorf("%d of 30 guesses were looked at", tried)
	}
	if a := w.ask("nobody", "POST", "/api/v1/session", `{"name":"admin","password":"`+accesstest.Password+`"}`); a.status != 429 {
		t.Errorf("the right password, among guesses: %v", a)
	}
	w.must(200, "operator", "GET", "/api/v1/tasks", "") // who has signed in goes on
}

func TestNoTokenOrTicketIsGuessedFast(t *testing.T) {
	w := newWorld(t, "auth.requests_per_second", "5")
	limited := 0
	for range 100 {
		if a := w.ask("nobody", "GET", "/api/v1/tasks", "", "Authorization", "Bearer ags_"+strings.Repeat("A", 43)); a.status == 429 {
			limited++
		} else if a.status != 401 {
			t.Errorf("got %v", a)
		}
	}
	if limited < 25 {
		t.Errorf("%d of 100 guesses were refused", limited)
	}
	w.must(200, "operator", "GET", "/api/v1/tasks", "")
}

func TestNoViewerBecomesMore(t *testing.T) {
	w := newWorld(t)
	w.task("own", "client.py", "fine")
	before := w.tree()
	for _, tc := range []struct{ method, path, body string }{
		{"PATCH", "/api/v1/operators/viewer", `{"role":"admin"}`},
		{"PATCH", "/api/v1/operators/viewer", `{"role":"admin","old_password":"` + accesstest.Password + `","password":"new password 12"}`},
		{"PATCH", "/api/v1/operators/admin", `{"password":"new password 12"}`},
		{"PATCH", "/api/v1/operators/viewer/../admin", `{"password":"new password 12"}`},
		{"POST", "/api/v1/operators", `{"name":"evil","role":"admin","password":"new password 12"}`},
		{"POST", "/api/v1/tokens", `{"label":"x","days":1,"role":"admin"}`},
		{"POST", "/api/v1/tokens", `{"label":"x","days":1,"operator":"admin"}`},
		{"POST", "/api/v1/tokens", `{"label":"x","days":99999999999}`},
		{"POST", "/api/v1/enrolments", `{"client":"c1"}`},
		{"DELETE", "/api/v1/clients/c1/credential", ``},
		{"DELETE", "/api/v1/operators/admin", ``},
		{"POST", "/api/v1/tasks", `{"task_id":"evil"}`},
		{"POST", "/api/v1/tasks/own/start", `{}`},
		{"POST", "/api/v1/tasks/own/upload-ticket", ``},
		{"PUT", "/api/v1/tasks/own/files/client.py", `evil`},
		{"DELETE", "/api/v1/tasks/own/files/client.py", ``},
		{"DELETE", "/api/v1/tasks/own", ``},
		{"PATCH", "/api/v1/tasks/own", `{"port":1}`},
		{"POST", "/api/v1/clients/c1/quarantine/own/release", `{}`},
		{"POST", "/api/v1/clients/c1/records", `{"records":[]}`},
		{"GET", "/api/v1/clients/c1/downlink", ``},
		{"GET", "/api/v1/operators", ``},
		{"POST", "/rpc_exec_create_task", `{"task_id":"evil","host":"h","port":1,"username":"u","password":"p","files_paths":[]}`},
		{"POST", "/rpc_exec_start_server_task", `{"task_id":"own"}`},
		{"POST", "/rpc_exec_get_task_by_id", `{"task_id":"own"}`},
		{"POST", "/rpc_exec_delete_task", `{"task_id":"own"}`},
		{"POST", "/rpc_exec_update_user_info", `{"user_id":"viewer"}`},
		{"POST", "/rpc_exec_client_requesting_task", `{"user_id":"c1"}`},
		{"POST", "/rpc_exec_of_tomorrow", `{}`},
	} {
		a := w.ask("viewer", tc.method, tc.path, tc.body)
		if a.status < 300 || a.status >= 500 || strings.Contains(a.body, taskPassword) {
			t.Errorf("%s %s %s: %v", tc.method, tc.path, tc.body, a)
		}
	}
	w.unchanged(before)
	if a := w.must(200, "admin", "GET", "/api/v1/operators", ""); strings.Contains(a.body, "evil") || strings.Count(a.body, `"admin"`) != 2 || !strings.Contains(a.body, `"viewer"`) {
		t.Errorf("the operators are %s", a.body)
	}
	w.must(201, "nobody", "POST", "/api/v1/session", `{"name":"admin","password":"`+accesstest.Password+`"}`)
}

// TestNoKeyOfAnotherTellsItsAnswer: an idempotency key is its sender's.
func TestNoKeyOfAnotherTellsItsAnswer(t *testing.T) {
	w := newWorld(t)
	w.task("own", "server", "#!/bin/sh\nexec sleep 60\n")
	body := `{"task_id":"keyed","host":"h","port":1,"username":"u","password":"p","files_paths":[]}`
	first := w.must(201, "operator", "POST", "/api/v1/tasks", body, "Idempotency-Key", "k1", "Content-Type", "application/json")
	for _, who := range []string{"viewer", "nobody", "c1"} {
		for _, key := range []string{"k1", "operator operator\nk1", "operator operator\\nk1"} {
			if strings.Contains(key, "\n") {
				continue // no client sends it; raw ones are refused by net/http
			}
			if a := w.ask(who, "POST", "/api/v1/tasks", body, "Idempotency-Key", key, "Content-Type", "application/json"); a.status < 400 || a.body == first.body || a.header.Get("Idempotent-Replayed") != "" {
				t.Errorf("%s with %q: %v", who, key, a)
			}
		}
	}
	if a := w.ask("admin", "POST", "/api/v1/tasks", body, "Idempotency-Key", "k1", "Content-Type", "application/json"); a.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("an admin gets the operator's answer: %v", a)
	}
	if statuses, _ := say(t, w.gateway, "POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "+w.tokens["viewer"]+"\r\nIdempotency-Key: operator operator\nk1\r\nContent-Length: 2\r\n\r\n{}"); len(statuses) != 1 || statuses[0] < 400 {
		t.Errorf("a key of two lines: %v", statuses)
	}
}
