package api

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/internal/access/accesstest"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

// named is a transport whose calls must be such as their caller may make: as the
// services themselves would see to it.
type named struct {
	Transport
	t     *testing.T
	calls atomic.Int64
}

func (n *named) Call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	n.calls.Add(1)
	if id := rpc.IdentityFrom(ctx); !id.May(r.Function) {
		n.t.Errorf("%s is called in the name of %s, who may not", r.Function, id)
	}
	return n.Transport.Call(ctx, r)
}

// closedWorld is a world that asks for credentials.
type closedWorld struct {
	*world
	tr       *named
	accounts *access.Store
	tokens   map[string]string // what each may show; see package accesstest
}

func newClosedWorld(t *testing.T, change func(*guard.Options)) *closedWorld {
	t.Helper()
	c := &closedWorld{tr: &named{t: t}}
	data := t.TempDir()
	c.tokens = accesstest.Write(t, data)
	c.tokens["nobody"] = ""
	var err error
	if c.accounts, err = access.Open(t.Context(), filepath.Join(data, access.File), access.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.accounts.Close(); err != nil {
			t.Error(err)
		}
	})
	opt := guard.Options{Access: c.accounts, RequestsPerSecond: 10_000}
	if change != nil {
		change(&opt)
	}
	c.world = newWorld(t, func(o *Options) {
		c.tr.Transport = o.Transport
		o.Transport, o.Guard = c.tr, guard.New(opt)
	})
	return c
}

// as asks in somebody's name.
func (c *closedWorld) as(who, method, path string, body any, header ...string) answer {
	c.t.Helper()
	if token, ok := c.tokens[who]; !ok {
		c.t.Fatalf("there is no %s", who)
	} else if token != "" {
		header = append(header, "Authorization", "Bearer "+token)
	}
	return c.ask(method, path, body, header...)
}

// admitted says who may use a route: viewers what reads, operators what changes,
// but for the exceptions, which a route that is new has to join or follow the rule.
func admitted(method, path string) string {
	switch method + " " + path {
	case "GET /session", "POST /session", "DELETE /session", "POST /enrol":
		return "nobody viewer operator admin c1 c2"
	case "GET /operators", "POST /operators", "DELETE /operators/{name}":
		return "admin"
	case "PATCH /operators/{name}", "POST /tokens", "DELETE /tokens/{token}", "POST /criteria/check":
		return "viewer operator admin" // on what is their own; what changes nothing
	case "POST /clients/{client}/records", "GET /clients/{client}/downlink":
		return "operator admin c1"
	}
	if method == http.MethodGet {
		return "viewer operator admin"
	}
	return "operator admin"
}

// TestEveryRouteAdmitsItsOwn tries every route as everybody.
func TestEveryRouteAdmitsItsOwn(t *testing.T) {
	c := newClosedWorld(t, nil)
	c.as("operator", "POST", "/tasks", newTask("t1"))
	fill := strings.NewReplacer("{id}", "t1", "{client}", "c1", "{task}", "t1", "{path...}", "a.py", "{function}", contract.GetTask.Name, "{command}", "c", "{execution}", "e", "{name}", "none", "{token}", "none")
	restore := func() { // what a request before may have taken away
		for _, role := range contract.Roles() {
			if c.accounts.Check(t.Context(), c.tokens[string(role)]) != nil {
				in, err := c.accounts.SignIn(t.Context(), string(role), accesstest.Password)
				if err != nil {
					t.Fatal(err)
				}
				c.tokens[string(role)] = in.Token
			}
		}
		if c.accounts.Check(t.Context(), c.tokens["c1"]) != nil {
			token, _, err := c.accounts.NewEnrolment(t.Context(), "admin", "c1", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if c.tokens["c1"], err = c.accounts.Enrol(t.Context(), token, "c1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, rt := range c.api.routes() {
		t.Run(rt.method+" "+rt.path, func(t *testing.T) {
			c.t, c.tr.t = t, t
			method := rt.method
			if (rt.kind == stream || rt.kind == linked) && method == http.MethodGet {
				method = http.MethodHead // the same route, without an end to wait for
			}
			for _, who := range []string{"nobody", "viewer", "operator", "admin", "c1", "c2"} {
				restore()
				before := c.tr.calls.Load()
				a := c.as(who, method, fill.Replace(rt.path), nil)
				switch may := strings.Contains(" "+admitted(rt.method, rt.path)+" ", " "+who+" "); {
				case may && (a.status == 401 || a.status == 403 || a.status == 429):
					if p := decodeProblem(a); !strings.HasPrefix(p, "An API token") {
						t.Errorf("%s is refused: %d %s", who, a.status, a.body)
					}
				case may:
				case who == "nobody" && (a.status != 401 || a.header.Get("WWW-Authenticate") == ""), who != "nobody" && a.status != 403:
					t.Errorf("%s is not refused: %d %s", who, a.status, a.body)
				case c.tr.calls.Load() != before:
					t.Errorf("%s is refused, and yet a service was called", who)
				case method != http.MethodHead && (!strings.Contains(a.body, `"hint"`) || !strings.Contains(a.body, map[bool]string{true: `"unauthorized"`, false: `"forbidden"`}[who == "nobody"])):
					t.Errorf("%s: %s", who, a.body)
				}
			}
			restore()
			// What was valid once, or never, is nobody's.
			forged := []byte(c.tokens["admin"])
			forged[20] ^= 1
			a := c.ask(method, fill.Replace(rt.path), nil, "Authorization", "Bearer "+string(forged))
			if open := rt.grant == guard.Anyone; (a.status == 401) == open {
				t.Errorf("a forged token: %d %s", a.status, a.body)
			}
		})
	}
	if c.cloud.tasks["t1"] != nil {
		t.Error("no DELETE reached the task: the test looks at nothing")
	}
}

func decodeProblem(a answer) string {
	_, detail, _ := strings.Cut(a.body, `"detail":"`)
	return detail
}

// TestDescriptionNamesEveryGrant: x-role is what holds.
func TestDescriptionNamesEveryGrant(t *testing.T) {
	names := map[guard.Grant]string{guard.Anyone: "anyone", guard.Viewer: "viewer", guard.Operator: "operator", guard.Admin: "admin", guard.Client: "client"}
	d, w := spec(), newWorld(t, nil)
	for _, rt := range w.api.routes() {
		path := Prefix + strings.ReplaceAll(rt.path, "...}", "}")
		if role, _ := d.at("paths", path, strings.ToLower(rt.method), "x-role"); names[rt.grant] == "" || role != names[rt.grant] {
			t.Errorf("%s %s: x-role is %v, and the route admits %q", rt.method, path, role, names[rt.grant])
		}
		security, _ := d.at("paths", path, strings.ToLower(rt.method), "security")
		if (security != nil) != (rt.grant == guard.Anyone) {
			t.Errorf("%s %s: security is %v", rt.method, path, security)
		}
	}
}

// TestOpenCloud tells that it is open, and keeps no accounts.
func TestOpenCloud(t *testing.T) {
	w := newWorld(t, nil)
	if s := decode[SessionView](w, w.ask("GET", "/session", nil), 200); !s.Open || s.Operator != nil {
		t.Errorf("%+v", s)
	}
	for _, tc := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/session", map[string]string{"name": "a", "password": "b"}}, {"GET", "/operators", nil}, {"DELETE", "/operators/a", nil}, {"GET", "/tokens", nil}, {"DELETE", "/tokens/a", nil},
		{"POST", "/operators", map[string]string{"name": "a", "role": "admin", "password": accesstest.Password}}, {"PATCH", "/operators/a", map[string]string{"role": "admin"}},
		{"POST", "/tokens", map[string]string{"label": "a"}}, {"POST", "/enrolments", nil}, {"POST", "/enrol", map[string]string{"token": "a", "user_id": "b"}},
		{"GET", "/clients/a/credential", nil}, {"DELETE", "/clients/a/credential", nil},
	} {
		if p := w.wantProblem(w.ask(tc.method, tc.path, tc.body), 409, "conflict"); !strings.Contains(p.Hint, "agata operator init") {
			t.Errorf("%s %s: %+v", tc.method, tc.path, p)
		}
	}
	if a := w.ask("DELETE", "/session", nil); a.status != 204 {
		t.Errorf("got %d", a.status)
	}
}

// TestIdempotencyKeysAreOnesOwn: the answer to one caller is not for another.
func TestIdempotencyKeysAreOnesOwn(t *testing.T) {
	c := newClosedWorld(t, nil)
	if a := c.as("operator", "POST", "/tasks", newTask("t1"), "Idempotency-Key", "k"); a.status != 201 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if a := c.as("operator", "POST", "/tasks", newTask("t1"), "Idempotency-Key", "k"); a.status != 201 || a.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("got %d %v", a.status, a.header)
	}
	c.wantProblem(c.as("admin", "POST", "/tasks", newTask("t1"), "Idempotency-Key", "k"), 409, "conflict")
	c.wantProblem(c.as("viewer", "POST", "/tasks", newTask("t1"), "Idempotency-Key", "k"), 403, "forbidden")
}

// TestViewerReadsFiles: the gateway fetches them with a password that it does not
// tell.
func TestViewerReadsFiles(t *testing.T) {
	c := newClosedWorld(t, nil)
	c.as("operator", "POST", "/tasks", newTask("t1"))
	if a := c.as("operator", "PUT", "/tasks/t1/files/client.py", "print()"); a.status != 201 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if a := c.as("viewer", "GET", "/tasks/t1/files/client.py", nil); a.status != 200 || a.body != "print()" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	c.wantProblem(c.as("viewer", "PUT", "/tasks/t1/files/client.py", "exit()"), 403, "forbidden")
}

// TestStreamsEndWithTheirCredentials, within seconds.
func TestStreamsEndWithTheirCredentials(t *testing.T) {
	c := newClosedWorld(t, nil)
	ended := func(r *reader) chan time.Time {
		at := make(chan time.Time, 1)
		go func() {
			for r.scan.Scan() {
			}
			at <- time.Now()
		}()
		return at
	}
	mine, other := c.open("/live", "Authorization", "Bearer "+c.tokens["viewer"]), c.open("/events/live", "Cookie", guard.Cookie+"="+c.tokens["operator"])
	revoked, kept := ended(mine), ended(other)
	began := time.Now()
	if a := c.as("viewer", "DELETE", "/session", nil); a.status != 204 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	select {
	case at := <-revoked:
		t.Logf("the stream ended after %s", at.Sub(began).Round(time.Millisecond))
	case <-time.After(20 * time.Second):
		t.Error("the stream of a session that is over goes on")
	}
	select {
	case <-kept:
		t.Error("another's stream ended too")
	default:
	}
	mine.stop()
	other.stop()
	<-kept
}
