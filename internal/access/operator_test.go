package access

import (
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func ptr[T any](v T) *T { return &v }

func TestAddOperator(t *testing.T) {
	w := newWorld(t)
	for name, tc := range map[string]struct {
		name     string
		role     contract.Role
		password string
		code     rpc.Code
	}{
		"new":            {"eva", contract.RoleViewer, password, ""},
		"taken":          {"ada", contract.RoleViewer, password, rpc.Conflict},
		"capital":        {"Eva", contract.RoleViewer, password, rpc.Invalid},
		"no name":        {"", contract.RoleViewer, password, rpc.Invalid},
		"slash":          {"a/b", contract.RoleViewer, password, rpc.Invalid},
		"begins with .":  {".a", contract.RoleViewer, password, rpc.Invalid},
		"no such role":   {"ida", "root", password, rpc.Invalid},
		"no role":        {"ida", "", password, rpc.Invalid},
		"short password": {"ida", contract.RoleViewer, "short", rpc.Invalid},
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, w.AddOperator(t.Context(), tc.name, tc.role, tc.password), tc.code) })
	}
	for name, want := range map[string]bool{"ada": true, "eva": true, "ida": false, "Ada": false, "": false} {
		if got, err := w.HasOperator(t.Context(), name); err != nil || got != want {
			t.Errorf("there is an account %q: %t, %v", name, got, err)
		}
	}
}

func TestLastAdminStays(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	wantCode(t, w.RemoveOperator(ctx, "ada"), rpc.Conflict)
	wantCode(t, w.ChangeOperator(ctx, "ada", Change{Role: ptr(contract.RoleOperator)}), rpc.Conflict)
	wantCode(t, w.ChangeOperator(ctx, "ada", Change{Role: ptr(contract.RoleAdmin)}), "")
	wantCode(t, w.ChangeOperator(ctx, "otto", Change{Role: ptr(contract.RoleAdmin)}), "")
	// Two admins that remove each other at once: one stays.
	var wg sync.WaitGroup
	var errs [2]error
	for i, name := range []string{"ada", "otto"} {
		wg.Go(func() { errs[i] = w.RemoveOperator(ctx, name) })
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("got %v", errs)
	}
	wantCode(t, w.RemoveOperator(ctx, "nobody"), rpc.NotFound)
	wantCode(t, w.ChangeOperator(ctx, "nobody", Change{Role: ptr(contract.RoleAdmin)}), rpc.NotFound)
}

func TestChangesHoldAtOnce(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	session, other := w.signIn("otto"), w.signIn("otto")
	api, _, err := w.NewToken(ctx, "otto", "ci", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w.want(session, "operator otto")
	if err := w.ChangeOperator(ctx, "otto", Change{Role: ptr(contract.RoleViewer)}); err != nil {
		t.Fatal(err)
	}
	if id, err := w.Authenticate(ctx, session); err != nil || id.Role != contract.RoleViewer {
		t.Errorf("%+v, %v", id, err)
	}
	// Its holder's own new password ends the other sessions.
	if err := w.ChangeOperator(ctx, "otto", Change{Password: ptr("another password"), Keep: session}); err != nil {
		t.Fatal(err)
	}
	w.want(session, "operator otto")
	w.want(other, "")
	w.want(api, "operator otto")
	wantCode(t, w.VerifyPassword(ctx, "otto", password), rpc.Unauthorized)
	// One that an admin sets ends everything.
	if err := w.ChangeOperator(ctx, "otto", Change{Password: ptr(password)}); err != nil {
		t.Fatal(err)
	}
	w.want(session, "")
	w.want(api, "")
	session = w.signIn("otto")
	if api, _, err = w.NewToken(ctx, "otto", "ci", time.Hour); err != nil {
		t.Fatal(err)
	}
	w.want(session, "operator otto")
	if err := w.RemoveOperator(ctx, "otto"); err != nil {
		t.Fatal(err)
	}
	w.want(session, "")
	w.want(api, "")
}

// TestAnotherProcess: what the command line changes is noticed, though it was
// remembered here.
func TestAnotherProcess(t *testing.T) {
	w := newWorld(t)
	cli := w.open()
	session := w.signIn("otto")
	enrolment, _, err := w.NewEnrolment(t.Context(), "ada", "c1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := w.Enrol(t.Context(), enrolment, "c1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		who, token string
		change     func() error
	}{
		{"client c1", credential, func() error { return cli.RevokeCredential(t.Context(), "c1") }},
		{"operator otto", session, func() error { return cli.RemoveOperator(t.Context(), "otto") }},
	} {
		w.want(tc.token, tc.who)
		if err := tc.change(); err != nil {
			t.Fatal(err)
		}
		w.clock.add(trust)
		w.want(tc.token, "")
	}
}

func TestAPITokens(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token, about, err := w.NewToken(ctx, "vera", "nightly", 24*time.Hour)
	if err != nil || about.Expires-about.Created != 86400 || KindOf(token) != APIToken {
		t.Fatalf("%+v, %v", about, err)
	}
	w.want(token, "operator vera")
	if list, err := w.Tokens(ctx, "vera"); err != nil || len(list) != 1 || list[0] != about {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := w.Tokens(ctx, "ada"); err != nil || list == nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	wantCode(t, w.RevokeToken(ctx, "ada", about.ID), rpc.NotFound) // another's
	wantCode(t, w.RevokeToken(ctx, "vera", about.ID), "")
	w.want(token, "")
	if token, _, err = w.NewToken(ctx, "vera", "nightly", 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	w.clock.add(24*time.Hour - time.Second)
	w.want(token, "operator vera")
	w.clock.add(time.Second)
	w.want(token, "")
	for _, tc := range []struct {
		operator, label string
		life            time.Duration
		code            rpc.Code
	}{
		{"nobody", "a", time.Hour, rpc.NotFound}, {"vera", "", time.Hour, rpc.Invalid}, {"vera", "a\nb", time.Hour, rpc.Invalid}, {"vera", "a", 0, rpc.Invalid}, {"vera", "a", MaxTokenLife + 1, rpc.Invalid},
	} {
		_, _, err := w.NewToken(ctx, tc.operator, tc.label, tc.life)
		wantCode(t, err, tc.code)
	}
	for range maxTokens {
		if _, _, err = w.NewToken(ctx, "vera", "many", time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = w.NewToken(ctx, "vera", "many", time.Hour)
	wantCode(t, err, rpc.Conflict)
}
