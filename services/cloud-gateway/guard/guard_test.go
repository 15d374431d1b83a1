package guard

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/internal/access/accesstest"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// world is a guard, and what its callers show.
type world struct {
	*Guard
	now    time.Time
	tokens map[string]string // by who
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	data := t.TempDir()
	w := &world{now: time.Now(), tokens: accesstest.Write(t, data)}
	w.tokens["nobody"] = ""
	store, err := access.Open(t.Context(), filepath.Join(data, access.File), access.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	opt := Options{Access: store, Now: func() time.Time { return w.now }}
	if change != nil {
		change(&opt)
	}
	w.Guard = New(opt)
	return w
}

// request is one that shows a token.
func request(token string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://gateway.example/x", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// status is how a refusal is answered; 200 if it is none.
func status(err error) int {
	if err == nil {
		return 200
	}
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Status
	}
	return 0
}

func TestAdmit(t *testing.T) {
	w := newWorld(t, nil)
	for grant, admitted := range map[Grant]string{
		0: "", Anyone: "nobody viewer operator admin c1 c2", Viewer: "viewer operator admin", Operator: "operator admin", Admin: "admin", Client: "operator admin c1",
	} {
		for who, token := range w.tokens {
			r, err := w.Admit(request(token), grant, "c1")
			want := 200
			switch {
			case strings.Contains(" "+admitted+" ", " "+who+" "):
			case who == "nobody":
				want = 401
			default:
				want = 403
			}
			if status(err) != want {
				t.Errorf("grant %d, %s: %v, want %d", grant, who, err, want)
			}
			if id := rpc.IdentityFrom(r.Context()); err == nil && (id.Name != who) != (who == "nobody") || err != nil && id.Kind != rpc.Nobody {
				t.Errorf("grant %d, %s: calls are made in the name of %s", grant, who, id)
			}
		}
	}
	if _, err := w.Admit(request(w.tokens["c1"]), Client, ""); status(err) != 403 { // a route that names no client
		t.Errorf("got %v", err)
	}
	var open *Guard
	if r, err := open.Admit(request("x"), 0, ""); err != nil || rpc.IdentityFrom(r.Context()).Kind != rpc.Nobody {
		t.Errorf("an open cloud: %v", err)
	}
}

func TestAdmitCall(t *testing.T) {
	functions := map[string]string{
		contract.ListTasks.Name: "viewer operator admin", contract.GetTask.Name: "operator admin", contract.CreateTask.Name: "operator admin",
		contract.RequestTasks.Name: "operator admin c1 c2", contract.GetUser.Name: "viewer operator admin c1 c2", "rpc_exec_of_tomorrow": "operator admin",
	}
	for name, peers := range map[string]bool{"credentials": false, "peers": true} {
		w := newWorld(t, func(o *Options) { o.Peers = peers })
		w.tokens["forged"] = string(access.Session) + w.tokens["c1"][4:]
		for fn, admitted := range functions {
			for who, token := range w.tokens {
				want := 403
				switch {
				case strings.Contains(" "+admitted+" ", " "+who+" "), who == "nobody" && peers && contract.PeersMay(fn):
					want = 200
				case who == "nobody" || who == "forged":
					want = 401
				}
				if _, err := w.AdmitCall(request(token), fn); status(err) != want {
					t.Errorf("%s, %s, %s: %v, want %d", name, fn, who, err, want)
				}
			}
		}
	}
}

func TestOwn(t *testing.T) {
	w := newWorld(t, nil)
	for body, want := range map[string]string{
		`{"user_id":"c1"}`:                  `{"user_id":"c1"}`,
		`{"data_qnt": 1.0, "user_id":"c1"}`: `{"data_qnt":1.0,"user_id":"c1"}`,
		`{"user_id":"c2","user_id":"c1"}`:   `{"user_id":"c1"}`, // told once
		`{"user_id":"c1","user_id":"c2"}`:   "",
		`{"user_id":"c1","USER_ID":"c2"}`:   "",
		`{"user_id":"c1","uſer_id":"c2"}`:   "", // folds to the same
		`{"USER_ID":"c1"}`:                  "",
		`{"user_id":"c2"}`:                  "",
		`{"user_id":"C1"}`:                  "",
		`{"user_id":["c1"]}`:                "",
		`{"user_id":null}`:                  "",
		`{}`:                                "",
		`[]`:                                "",
		`{"attributes":{"user_id":"c2"},"user_id":"c1"}`:  `{"attributes":{"user_id":"c2"},"user_id":"c1"}`,
		`{"us\u0065r_id":"c2","attributes":{},"a":"c1"}`:  "",
		`{"us\u0065r_id":"c1","sensors":["\u003c","é"]}`:  `{"sensors":["\u003c","é"],"user_id":"c1"}`,
		`{"user_id":"c1","attributes":{"a":12345678901}}`: `{"attributes":{"a":12345678901},"user_id":"c1"}`,
	} {
		r, err := w.AdmitCall(request(w.tokens["c1"]), contract.UpdateUser.Name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.Own(r, []byte(body))
		if string(got) != want || (status(err) == 403) != (want == "") {
			t.Errorf("%s: %s, %v", body, got, err)
		}
	}
	// An operator may name every client.
	r, err := w.AdmitCall(request(w.tokens["operator"]), contract.UpdateUser.Name)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := w.Own(r, []byte(`{"user_id": "c2"}`)); err != nil || string(got) != `{"user_id": "c2"}` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestWhatIsShown(t *testing.T) {
	w := newWorld(t, nil)
	session := w.tokens["operator"]
	cookie := "agata_session=" + session
	for name, tc := range map[string]struct {
		method string
		header []string
		want   int
	}{
		"bearer":                   {"POST", []string{"Authorization", "Bearer " + session}, 200},
		"bearer, small":            {"POST", []string{"Authorization", "bearer  " + session}, 200},
		"basic":                    {"POST", []string{"Authorization", "Basic " + session}, 401},
		"no token":                 {"POST", []string{"Authorization", "Bearer"}, 401},
		"cookie":                   {"POST", []string{"Cookie", cookie}, 200},
		"cookie of the own page":   {"POST", []string{"Cookie", cookie, "Origin", "http://gateway.example", "Sec-Fetch-Site", "same-origin"}, 200},
		"cookie of another site":   {"POST", []string{"Cookie", cookie, "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"}, 401},
		"cookie of another port":   {"POST", []string{"Cookie", cookie, "Origin", "http://gateway.example:81", "Sec-Fetch-Site", "same-site"}, 401},
		"cookie, older browser":    {"POST", []string{"Cookie", cookie, "Origin", "http://evil.example"}, 401},
		"cookie that changes none": {"GET", []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site"}, 200}, // the answer cannot be read there
		"bad bearer, good cookie":  {"POST", []string{"Cookie", cookie, "Authorization", "Bearer x"}, 401},
		"credential as a cookie":   {"POST", []string{"Cookie", "agata_session=" + w.tokens["c1"]}, 401},
		"another cookie":           {"POST", []string{"Cookie", "session=" + session}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, "http://gateway.example/x", nil)
			for i := 0; i < len(tc.header); i += 2 {
				r.Header.Set(tc.header[i], tc.header[i+1])
			}
			if _, err := w.Admit(r, Operator, ""); status(err) != tc.want {
				t.Errorf("got %v, want %d", err, tc.want)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64", "[fe80::1%eth0]:5": "fe80::/64", "@": "@",
	} {
		if got := address(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}

func TestRequestsAreCounted(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.RequestsPerSecond = 1 })
	count := func(token string) (n int) {
		for ; n < 1000; n++ {
			if _, err := w.Admit(request(token), Anyone, ""); err != nil {
				refusal, ok := errors.AsType[*Refusal](err)
				if !ok || refusal.Status != 429 || refusal.RetryAfter != "1" || refusal.Code != "too_many_requests" {
					t.Errorf("got %+v", err)
				}
				return n
			}
		}
		return n
	}
	if n := count(w.tokens["c1"]); n != 10 {
		t.Errorf("%d requests at once", n)
	}
	if n := count(w.tokens["c2"]); n != 10 { // from the same address
		t.Errorf("%d requests at once", n)
	}
	// Who is nobody is counted by address, whatever it shows.
	if a, b := count("x"), count("y"); a != 10 || b != 0 {
		t.Errorf("%d and %d requests at once", a, b)
	}
	w.now = w.now.Add(time.Second)
	if n := count(w.tokens["c1"]); n != 1 {
		t.Errorf("%d requests a second later", n)
	}
}

func TestSignInsAreCounted(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.SignInPerMinute = 3 })
	try := func(from, name string) int {
		r := request("")
		r.RemoteAddr = from + ":1"
		return status(w.SignIn(r, name))
	}
	for i, from := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"} { // one account from many addresses
		if got, want := try(from, "admin"), []int{200, 200, 200, 429}[i]; got != want {
			t.Errorf("attempt %d: %d, want %d", i, got, want)
		}
	}
	for i, name := range []string{"a", "b", "c", "d"} { // many accounts from one address
		if got, want := try("192.0.2.9", name), []int{200, 200, 200, 429}[i]; got != want {
			t.Errorf("attempt %d: %d, want %d", i, got, want)
		}
	}
	// Names that none can have are counted together.
	for i, name := range []string{"A", strings.Repeat("x", 1000), "", "B"} {
		if got, want := try("198.51.100."+string(rune('1'+i)), name), []int{200, 200, 200, 429}[i]; got != want {
			t.Errorf("attempt %d: %d, want %d", i, got, want)
		}
	}
	w.now = w.now.Add(20 * time.Second)
	if got := try("192.0.2.5", "admin"); got != 200 {
		t.Errorf("later: %d", got)
	}
}

func TestCheck(t *testing.T) {
	w := newWorld(t, nil)
	r, err := w.Admit(request(w.tokens["c1"]), Client, "c1")
	if err != nil || Check(r.Context()) != nil {
		t.Fatal(err)
	}
	if err := w.Access().RevokeCredential(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	if rpc.CodeOf(Check(r.Context())) != rpc.Unauthorized {
		t.Errorf("got %v", Check(r.Context()))
	}
	if err := Check(t.Context()); err != nil { // of an open cloud
		t.Error(err)
	}
}

// TestAccountsThatCannotBeRead refuse everybody, and say so.
func TestAccountsThatCannotBeRead(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.Access().Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // what was remembered holds for a second
	_, err := w.Admit(request(w.tokens["admin"]), Viewer, "")
	if refusal, ok := errors.AsType[*Refusal](err); !ok || refusal.Status != 503 || refusal.RetryAfter == "" {
		t.Errorf("got %v", err)
	}
}

// FuzzOwn: whatever a client sends, what goes on names it, in the eyes of readers
// that take names of any case or the first or last of several.
func FuzzOwn(f *testing.F) {
	for _, body := range []string{`{"user_id":"c1"}`, `{"user_id":"c1","user_id":"c2"}`, `{"USER_ID":"c2","user_id":"c1"}`, `{"u\u017fer_id":"c2","user_id":"c1","a":[{}]}`, "{", "\xff"} {
		f.Add([]byte(body))
	}
	g := &Guard{}
	r := httptest.NewRequest(http.MethodPost, "/x", nil)
	r = r.WithContext(rpc.WithIdentity(r.Context(), rpc.Identity{Kind: rpc.Client, Name: "c1"}))
	f.Fuzz(func(t *testing.T, body []byte) {
		out, err := g.Own(r, body)
		if err != nil {
			return
		}
		var seen struct {
			ID string `json:"user_id"`
		}
		if err := json.Unmarshal(out, &seen); err != nil || seen.ID != "c1" {
			t.Errorf("%q became %q", body, out)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(out, &fields); err != nil {
			t.Error(err)
		}
		for name := range fields {
			if name != "user_id" && strings.EqualFold(name, "user_id") {
				t.Errorf("%q became %q", body, out)
			}
		}
	})
}
