package api

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/internal/access/accesstest"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/services/cloud-gateway/guard"
)

func credentials(name, password string) map[string]any {
	return map[string]any{"name": name, "password": password}
}

// cookies reads those that an answer sets.
func cookies(a answer) []*http.Cookie { return (&http.Response{Header: a.header}).Cookies() }

func TestSessions(t *testing.T) {
	c := newClosedWorld(t, nil)
	if s := decode[SessionView](c.world, c.ask("GET", "/session", nil), 200); s.Open || s.Operator != nil {
		t.Errorf("%+v", s)
	}
	a := c.ask("POST", "/session", credentials("viewer", accesstest.Password))
	in := decode[SessionStart](c.world, a, 201)
	set := cookies(a)
	if in.Operator != (OperatorName{"viewer", contract.RoleViewer}) || in.Token != "" || in.Expires < float64(time.Now().Unix()) || len(set) != 1 {
		t.Fatalf("%+v, %v", in, set)
	}
	cookie := set[0]
	if cookie.Name != guard.Cookie || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Secure || access.KindOf(cookie.Value) != access.Session || cookie.Expires.IsZero() {
		t.Errorf("the cookie is %+v", cookie)
	}
	with := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	if s := decode[SessionView](c.world, c.ask("GET", "/session", nil, with...), 200); s.Open || s.Operator == nil || s.Operator.Name != "viewer" {
		t.Errorf("%+v", s)
	}
	if a := c.ask("GET", "/tasks", nil, with...); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	// Signing in again makes another token, and ends the session of the old one.
	again := c.ask("POST", "/session", credentials("viewer", accesstest.Password), with...)
	if again.status != 201 || cookies(again)[0].Value == cookie.Value {
		t.Errorf("got %d %v", again.status, again.header)
	}
	c.wantProblem(c.ask("GET", "/tasks", nil, with...), 401, "unauthorized")
	// A token that somebody else has put there is not taken over.
	fixed := string(access.Session) + strings.Repeat("A", 43)
	if a := c.ask("POST", "/session", credentials("viewer", accesstest.Password), "Cookie", guard.Cookie+"="+fixed); cookies(a)[0].Value == fixed {
		t.Error("the session has a token that came with the request")
	}
	with[1] = guard.Cookie + "=" + cookies(again)[0].Value
	out := c.ask("DELETE", "/session", nil, with...)
	if gone := cookies(out); out.status != 204 || len(gone) != 1 || gone[0].Value != "" || gone[0].MaxAge >= 0 {
		t.Errorf("got %d %v", out.status, out.header)
	}
	c.wantProblem(c.ask("GET", "/tasks", nil, with...), 401, "unauthorized")
	if s := decode[SessionView](c.world, c.ask("GET", "/session", nil, with...), 200); s.Operator != nil {
		t.Errorf("%+v", s)
	}
	// A command line gets the token itself, and no cookie.
	a = c.ask("POST", "/session", map[string]any{"name": "viewer", "password": accesstest.Password, "token": true})
	in = decode[SessionStart](c.world, a, 201)
	if access.KindOf(in.Token) != access.Session || len(cookies(a)) != 0 {
		t.Errorf("%+v, %v", in, a.header)
	}
	if a := c.ask("GET", "/tasks", nil, "Authorization", "Bearer "+in.Token); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	// A client is no operator.
	if s := decode[SessionView](c.world, c.as("c1", "GET", "/session", nil), 200); s.Operator != nil {
		t.Errorf("%+v", s)
	}
	for _, body := range []any{nil, credentials("", "x"), credentials("viewer", ""), map[string]any{"name": 1, "password": "x"}} {
		c.wantProblem(c.ask("POST", "/session", body), 400, "invalid")
	}
}

// TestNobodyLearnsNames: a name that there is and one that there is not get the
// same answers.
func TestNobodyLearnsNames(t *testing.T) {
	now := time.Now()
	c := newClosedWorld(t, func(o *guard.Options) { o.SignInPerMinute, o.Now = 4, func() time.Time { return now } })
	var problems [2][]problem
	for range 4 {
		for i, name := range []string{"admin", "nobody-of-this-name"} {
			a := c.ask("POST", "/session", credentials(name, "wrong password"))
			p := problem{}
			if a.status == 401 {
				p = c.wantProblem(a, 401, "unauthorized")
			} else {
				p = c.wantProblem(a, 429, "too_many_requests")
			}
			p.CorrelationID = ""
			problems[i] = append(problems[i], p)
			if a.header.Get("Set-Cookie") != "" {
				t.Errorf("a cookie was set: %v", a.header)
			}
		}
	}
	if problems[0][0].Status != 401 || problems[0][3].Status != 429 {
		t.Errorf("%+v", problems)
	}
	for i := range 4 {
		a, b := problems[0][i], problems[1][i]
		a.Hint, b.Hint = "", "" // in how many seconds
		if a.Status != b.Status || a.Detail != b.Detail || a.Code != b.Code {
			t.Errorf("%+v differs from %+v", a, b)
		}
	}
}

// TestGuessing is stopped, also for the one guess that would be right, and only
// for a while.
func TestGuessing(t *testing.T) {
	var skip atomic.Int64
	now := time.Now()
	c := newClosedWorld(t, func(o *guard.Options) {
		o.SignInPerMinute, o.Now = 5, func() time.Time { return now.Add(time.Duration(skip.Load())) }
	})
	for range 5 {
		c.wantProblem(c.ask("POST", "/session", credentials("admin", "wrong password")), 401, "unauthorized")
	}
	a := c.ask("POST", "/session", credentials("admin", accesstest.Password))
	c.wantProblem(a, 429, "too_many_requests")
	if a.header.Get("Retry-After") == "" {
		t.Errorf("got %v", a.header)
	}
	// Guessing the old password in a session that was left open is no way around.
	c.wantProblem(c.as("admin", "PATCH", "/operators/admin", map[string]string{"password": "a new password", "old_password": "wrong password"}), 429, "too_many_requests")
	skip.Store(int64(time.Minute))
	if a := c.ask("POST", "/session", credentials("admin", accesstest.Password)); a.status != 201 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// TestStrangersWaitAlone: who is slow to say who they are takes no place from who
// has said so.
func TestStrangersWaitAlone(t *testing.T) {
	c := newClosedWorld(t, nil)
	for range maxLobby {
		c.api.lobby <- struct{}{}
	}
	c.wantProblem(c.ask("POST", "/session", credentials("admin", accesstest.Password)), 503, "unavailable")
	if a := c.as("viewer", "GET", "/tasks", nil); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestTooManyRequests(t *testing.T) {
	now := time.Now()
	c := newClosedWorld(t, func(o *guard.Options) { o.RequestsPerSecond, o.Now = 1, func() time.Time { return now } })
	for range 10 {
		if a := c.as("viewer", "GET", "/tasks", nil); a.status != 200 {
			t.Fatalf("got %d %s", a.status, a.body)
		}
	}
	a := c.as("viewer", "GET", "/tasks", nil)
	if c.wantProblem(a, 429, "too_many_requests"); a.header.Get("Retry-After") != "1" {
		t.Errorf("got %v", a.header)
	}
	if a := c.as("operator", "GET", "/tasks", nil); a.status != 200 {
		t.Errorf("another: %d %s", a.status, a.body)
	}
}

func TestOperators(t *testing.T) {
	c := newClosedWorld(t, func(o *guard.Options) { o.SignInPerMinute = 100 })
	const other = "another password"
	if a := c.as("admin", "POST", "/operators", map[string]string{"name": "vera", "role": "viewer", "password": other}); a.status != 201 || strings.Contains(a.body, other) {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	in := decode[SessionStart](c.world, c.ask("POST", "/session", map[string]any{"name": "vera", "password": other, "token": true}), 201)
	c.tokens["vera"] = in.Token
	c.wantProblem(c.as("admin", "POST", "/operators", map[string]string{"name": "vera", "role": "viewer", "password": other}), 409, "conflict")
	for field, body := range map[string]map[string]string{
		"name": {"name": "Vera", "role": "viewer", "password": other}, "role": {"name": "ida", "role": "root", "password": other}, "password": {"name": "ida", "role": "viewer", "password": "short"},
	} {
		if p := c.wantProblem(c.as("admin", "POST", "/operators", body), 400, "invalid"); p.Fields[field] == "" {
			t.Errorf("%v: %+v", body, p)
		}
	}
	list := decode[OperatorList](c.world, c.as("admin", "GET", "/operators", nil), 200)
	if len(list.Operators) != 4 || list.Operators[2].Name != "vera" || list.Operators[2].SignedIn == 0 {
		t.Errorf("%+v", list)
	}
	change := func(who, name string, status int, body map[string]string) {
		t.Helper()
		a := c.as(who, "PATCH", "/operators/"+name, body)
		if a.status != status {
			t.Errorf("%s changes %s by %v: %d %s", who, name, body, a.status, a.body)
		}
	}
	change("vera", "vera", 403, map[string]string{"role": "admin"})
	change("vera", "vera", 403, map[string]string{"role": "admin", "password": other, "old_password": other})
	change("vera", "admin", 403, map[string]string{"password": other})
	change("vera", "admin", 403, map[string]string{"password": other, "old_password": accesstest.Password})
	change("vera", "nobody", 403, map[string]string{"password": other}) // as for one that there is
	change("vera", "vera", 400, map[string]string{"password": "a third password"})
	change("vera", "vera", 400, map[string]string{"password": "a third password", "old_password": "wrong password"})
	change("vera", "vera", 400, map[string]string{"password": "short", "old_password": other})
	change("vera", "vera", 400, map[string]string{})
	change("vera", "vera", 204, map[string]string{"password": "a third password", "old_password": other})
	change("vera", "vera", 204, map[string]string{"password": other, "old_password": "a third password"}) // the session goes on
	change("admin", "admin", 400, map[string]string{"password": other})                                   // no way around the old one
	change("admin", "admin", 409, map[string]string{"role": "viewer"})
	change("admin", "vera", 400, map[string]string{"password": other, "old_password": other})
	change("admin", "nobody", 404, map[string]string{"role": "viewer"})
	c.wantProblem(c.as("admin", "DELETE", "/operators/admin", nil), 409, "conflict")
	c.wantProblem(c.as("vera", "POST", "/tasks", newTask("t1")), 403, "forbidden")
	change("admin", "vera", 204, map[string]string{"role": "operator"})
	if a := c.as("vera", "POST", "/tasks", newTask("t1")); a.status != 201 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	change("admin", "vera", 204, map[string]string{"password": other})
	c.wantProblem(c.as("vera", "GET", "/tasks", nil), 401, "unauthorized")
	if a := c.as("admin", "DELETE", "/operators/vera", nil); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	c.wantProblem(c.ask("POST", "/session", credentials("vera", other)), 401, "unauthorized")
	c.wantProblem(c.as("admin", "DELETE", "/operators/vera", nil), 404, "not_found")
}

func TestTokens(t *testing.T) {
	c := newClosedWorld(t, nil)
	made := decode[NewToken](c.world, c.as("viewer", "POST", "/tokens", map[string]any{"label": "nightly", "days": 7}), 201)
	if access.KindOf(made.Secret) != access.APIToken || made.Expires-made.Created != 7*86400 {
		t.Fatalf("%+v", made)
	}
	c.tokens["program"] = made.Secret
	if a := c.as("program", "GET", "/tasks", nil); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	c.wantProblem(c.as("program", "POST", "/tokens", map[string]any{"label": "longer", "days": 366}), 403, "forbidden")
	c.wantProblem(c.as("program", "POST", "/tasks", newTask("t1")), 403, "forbidden")
	a := c.as("program", "GET", "/tokens", nil)
	if list := decode[TokenList](c.world, a, 200); len(list.Tokens) != 1 || list.Tokens[0] != made.Token || strings.Contains(a.body, made.Secret) {
		t.Errorf("%s", a.body)
	}
	if list := decode[TokenList](c.world, c.as("admin", "GET", "/tokens", nil), 200); len(list.Tokens) != 0 {
		t.Errorf("%+v", list)
	}
	c.wantProblem(c.as("admin", "DELETE", "/tokens/"+made.ID, nil), 404, "not_found") // another's
	if a := c.as("viewer", "DELETE", "/tokens/"+made.ID, nil); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	c.wantProblem(c.as("program", "GET", "/tasks", nil), 401, "unauthorized")
	for _, body := range []any{nil, map[string]any{"label": "a", "days": 0}, map[string]any{"label": "a", "days": 367}, map[string]any{"label": "a", "days": -1 << 62}, map[string]any{"label": "a", "days": 1.5}, map[string]any{"label": "a\nb"}} {
		c.wantProblem(c.as("viewer", "POST", "/tokens", body), 400, "invalid")
	}
}

func TestEnrolment(t *testing.T) {
	c := newClosedWorld(t, nil)
	c.wantProblem(c.ask("POST", "/enrol", map[string]string{"token": "x", "user_id": "c3"}), 401, "unauthorized")
	made := decode[NewEnrolment](c.world, c.as("operator", "POST", "/enrolments", map[string]any{"client": "c3", "hours": 2}), 201)
	if access.KindOf(made.Token) != access.Enrolment || made.Client != "c3" || made.Expires < float64(time.Now().Add(119*time.Minute).Unix()) {
		t.Fatalf("%+v", made)
	}
	c.wantProblem(c.ask("GET", "/tasks", nil, "Authorization", "Bearer "+made.Token), 401, "unauthorized")
	c.wantProblem(c.ask("POST", "/enrol", map[string]string{"token": made.Token, "user_id": "c1"}), 403, "forbidden")
	if v := decode[CredentialView](c.world, c.as("viewer", "GET", "/clients/c3/credential", nil), 200); v.Credential {
		t.Errorf("%+v", v)
	}
	// Two spend it at once.
	var answers [2]answer
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			answers[i] = c.ask("POST", "/enrol", map[string]string{"token": made.Token, "user_id": "c3"})
		})
	}
	wg.Wait()
	if answers[0].status != 201 {
		answers[0], answers[1] = answers[1], answers[0]
	}
	c.wantProblem(answers[1], 401, "unauthorized")
	c.tokens["c3"] = decode[NewCredential](c.world, answers[0], 201).Credential
	report := contract.ClientReport{Records: []contract.Record{}}
	if a := c.as("c3", "POST", "/clients/c3/records", report); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	c.wantProblem(c.as("c3", "POST", "/clients/c1/records", report), 403, "forbidden")
	if v := decode[CredentialView](c.world, c.as("viewer", "GET", "/clients/c3/credential", nil), 200); !v.Credential || v.By != "operator" || v.Created == 0 {
		t.Errorf("%+v", v)
	}
	// A token of no client in particular takes nobody's place.
	anyone := decode[NewEnrolment](c.world, c.as("operator", "POST", "/enrolments", nil), 201)
	c.wantProblem(c.ask("POST", "/enrol", map[string]string{"token": anyone.Token, "user_id": "c3"}), 409, "conflict")
	if a := c.as("operator", "DELETE", "/clients/c3/credential", nil); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	c.wantProblem(c.as("c3", "POST", "/clients/c3/records", report), 401, "unauthorized")
	c.wantProblem(c.as("operator", "DELETE", "/clients/c3/credential", nil), 404, "not_found")
	for _, body := range []map[string]any{{"hours": 0}, {"hours": 721}, {"hours": -1 << 62}, {"client": strings.Repeat("x", 257)}, {"client": "a\nb"}} {
		c.wantProblem(c.as("operator", "POST", "/enrolments", body), 400, "invalid")
	}
}
