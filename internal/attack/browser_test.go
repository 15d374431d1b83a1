package attack

import (
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/access/accesstest"
)

// changing are the routes that change something, with a body that they take.
var changing = []struct{ method, path, body string }{
	{"POST", "/api/v1/tasks", `{"task_id":"evil","host":"h","port":1,"username":"u","password":"p","files_paths":[]}`},
	{"PATCH", "/api/v1/tasks/own", `{"port":1}`},
	{"POST", "/api/v1/tasks/own/start", `{}`},
	{"POST", "/api/v1/tasks/own/stop", `{}`},
	{"PUT", "/api/v1/tasks/own/files/evil.py", `evil`},
	{"POST", "/api/v1/tasks/own/upload-ticket", ``},
	{"DELETE", "/api/v1/tasks/own/files/client.py", ``},
	{"DELETE", "/api/v1/tasks/own", ``},
	{"POST", "/api/v1/clients/c1/quarantine/own/release", `{}`},
	{"POST", "/api/v1/clients/c1/records", `{"records":[]}`},
	{"POST", "/api/v1/operators", `{"name":"evil","role":"admin","password":"new password 12"}`},
	{"PATCH", "/api/v1/operators/viewer", `{"role":"admin"}`},
	{"DELETE", "/api/v1/operators/viewer", ``},
	{"POST", "/api/v1/tokens", `{"label":"x","days":1}`},
	{"POST", "/api/v1/enrolments", `{"client":"evil"}`},
	{"DELETE", "/api/v1/clients/c2/credential", ``},
	{"DELETE", "/api/v1/session", ``},
	{"POST", "/rpc_exec_create_task", `{"task_id":"evil","host":"h","port":1,"username":"u","password":"p","files_paths":[]}`},
	{"POST", "/rpc_exec_start_server_task", `{"task_id":"own"}`},
	{"POST", "/rpc_exec_delete_task", `{"task_id":"own"}`},
	{"POST", "/rpc_exec_update_user_info", `{"user_id":"evil"}`},
}

// TestNoPageElsewhereUsesAnOperatorsBrowser: with the cookie of an admin, as a
// browser sends it for pages of other origins, old ones and new ones.
func TestNoPageElsewhereUsesAnOperatorsBrowser(t *testing.T) {
	w := newWorld(t)
	w.task("own", "client.py", "fine", "server", "#!/bin/sh\nexec sleep 60\n")
	before := w.tree()
	cookie := "agata_session=" + w.tokens["admin"]
	for name, page := range map[string][]string{
		"another site":            {"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"},
		"another site, navigated": {"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"},
		"a sibling":               {"Origin", "http://other." + w.gateway, "Sec-Fetch-Site", "same-site"},
		"another port":            {"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"},
		"an older browser":        {"Origin", "http://evil.example"},
		"a frame without origin":  {"Origin", "null"},
		"a frame, newer":          {"Origin", "null", "Sec-Fetch-Site", "cross-site"},
	} {
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json"} {
			for _, to := range changing {
				a := w.ask("nobody", to.method, to.path, to.body, append([]string{"Cookie", cookie, "Content-Type", kind, "If-Match", "*"}, page...)...)
				if a.status < 400 || a.status >= 500 {
					if to.path == "/api/v1/session" && a.status == 204 {
						continue // nobody is signed out: see below
					}
					t.Errorf("%s, %s: %s %s: %v", name, kind, to.method, to.path, a)
				}
			}
		}
		for _, to := range []string{"/api/v1/tasks", "/rpc_exec_create_task", "/api/v1/session"} {
			a := w.ask("nobody", "OPTIONS", to, "", append([]string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"}, page...)...)
			if a.header.Get("Access-Control-Allow-Credentials") != "" || strings.HasPrefix(to, "/api/") && a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: the preflight of %s is answered with %v", name, to, a.header)
			}
		}
	}
	w.unchanged(before)
	if w.state("evil") != "" || w.state("own") != "new" {
		t.Errorf("the tasks are %q and %q", w.state("evil"), w.state("own"))
	}
	w.must(200, "admin", "GET", "/api/v1/operators", "") // the session goes on
	w.must(200, "viewer", "GET", "/api/v1/tasks", "")
	w.must(200, "admin", "GET", "/api/v1/clients/c2/credential", "")
	if a := w.must(200, "admin", "GET", "/api/v1/operators", ""); strings.Contains(a.body, "evil") || !strings.Contains(a.body, `"role":"viewer"`) {
		t.Errorf("the operators are %v", a)
	}
	// The probe works: the gateway's own page may.
	w.must(200, "nobody", "PATCH", "/api/v1/tasks/own", `{"port":2}`, "Cookie", cookie, "Origin", "http://"+w.gateway, "Sec-Fetch-Site", "same-origin", "Content-Type", "application/json", "If-Match", "*")
}

// TestNoPageElsewhereReadsAnything: nothing that is answered with credentials may
// be read by a page of another origin.
func TestNoPageElsewhereReadsAnything(t *testing.T) {
	w := newWorld(t)
	w.task("own", "client.py", "fine")
	for _, path := range []string{"/api/v1/tasks", "/api/v1/session", "/api/v1/tasks/own/files/client.py", "/metrics", "/", "/api/v1/operators"} {
		a := w.ask("nobody", "GET", path, "", "Cookie", "agata_session="+w.tokens["admin"], "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site", "Accept", "text/html")
		if a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", path, a.header)
		}
		policy := a.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "frame-ancestors 'none'") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	in := w.must(201, "nobody", "POST", "/api/v1/session", `{"name":"viewer","password":"`+accesstest.Password+`"}`)
	cookie := in.header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie is without %s", part)
		}
	}
	if strings.Contains(in.body, "ags_") {
		t.Error("the token is in the answer too, where scripts can read it")
	}
}
