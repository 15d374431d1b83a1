package attack

import (
	"path/filepath"
	"testing"

	"github.com/agata-fl/agata/internal/access/accesstest"
	"github.com/agata-fl/agata/internal/testenv"
)

// Who fills the cloud's disk gets no further in by it: nobody is let in whose session
// could not be written, no change of accounts is half made, and those who were in
// stay in.
func TestAFullDiskOpensNoDoor(t *testing.T) {
	w := embedded(t)
	disk := testenv.NewDisk(t, filepath.Join(w.dir, "cloud"), 24)
	newWorldOn(t, w)
	const signIn = `{"name":"admin","password":"` + accesstest.Password + `"}`
	enrolment := decodeField(t, w.must(201, "admin", "POST", "/api/v1/enrolments", `{"client":"c3"}`), "token")
	disk.Fill(t, 0)
	for _, c := range []struct{ who, method, path, body string }{
		{"nobody", "POST", "/api/v1/session", signIn},
		{"nobody", "POST", "/api/v1/enrol", `{"token":"` + enrolment + `","user_id":"c3"}`},
		{"admin", "POST", "/api/v1/operators", `{"name":"new","password":"a long password","role":"admin"}`},
		{"admin", "PATCH", "/api/v1/operators/viewer", `{"role":"admin"}`},
		{"admin", "DELETE", "/api/v1/clients/c1/credential", ""},
		{"viewer", "POST", "/api/v1/tokens", `{"label":"mine"}`},
	} {
		if a := w.ask(c.who, c.method, c.path, c.body); a.status != 503 || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s %s on a full disk: %v", c.method, c.path, a)
		}
	}
	if a := w.ask("nobody", "POST", "/api/v1/session", `{"name":"admin","password":"wrong password"}`); a.status != 401 && a.status != 503 {
		t.Errorf("a wrong password on a full disk: %v", a)
	}
	w.must(401, "nobody", "GET", "/api/v1/tasks", "")
	w.must(403, "viewer", "GET", "/api/v1/operators", "")
	w.must(200, "operator", "GET", "/api/v1/tasks", "")

	disk.Free(t)
	w.must(403, "viewer", "GET", "/api/v1/operators", "") // the role is the one of before
	w.must(201, "admin", "POST", "/api/v1/operators", `{"name":"new","password":"a long password","role":"viewer"}`)
	w.must(201, "nobody", "POST", "/api/v1/enrol", `{"token":"`+enrolment+`","user_id":"c3"}`) // it was not spent
	w.must(201, "nobody", "POST", "/api/v1/session", signIn)
}

// decodeField returns a text of an answer's object.
func decodeField(t testing.TB, a answer, field string) string {
	t.Helper()
	var got map[string]any
	decode(t, a, &got)
	text, ok := got[field].(string)
	if !ok {
		t.Fatalf("there is no %s in %v", field, a)
	}
	return text
}
