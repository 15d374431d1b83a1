package attack

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/ticket"
	"github.com/agata-fl/agata/pkg/rpc"
)

// everyToken is one of each kind, all good, by its kind.
func (w *world) everyToken() map[string]string {
	w.Helper()
	w.must(200, "c1", "POST", "/rpc_exec_update_user_info", `{"user_id":"c1"}`)
	var api, enrol struct{ Token string }
	decode(w, w.must(201, "operator", "POST", "/api/v1/tokens", `{"label":"x","days":1}`), &api)
	decode(w, w.must(201, "operator", "POST", "/api/v1/enrolments", `{"client":"c9"}`), &enrol)
	download, _, err := ticket.Mint(w.key, ticket.Download, "own", rpc.Identity{Kind: rpc.Client, Name: "c1"}, time.Now())
	if err != nil {
		w.Fatal(err)
	}
	return map[string]string{"session": w.tokens["operator"], "api token": api.Token, "credential": w.tokens["c1"], "enrolment": enrol.Token, "download": download, "upload": w.uploadTicket("own")}
}

func TestNoTokenIsGoodForWhatItWasNotMadeFor(t *testing.T) {
	w := newWorld(t)
	w.task("own", "client.py", "fine")
	before := w.tree()
	for kind, token := range w.everyToken() {
		show := []string{"Authorization", "Bearer " + token}
		for what, tc := range map[string]struct {
			got  answer
			good string
		}{
			"the API":           {w.ask("nobody", "GET", "/api/v1/tasks", "", show...), "session, api token"},
			"a cookie":          {w.ask("nobody", "GET", "/api/v1/tasks", "", "Cookie", "agata_session="+token), "session"},
			"a function":        {w.ask("nobody", "POST", "/rpc_exec_client_requesting_task", `{"user_id":"c1"}`, show...), "session, api token, credential"},
			"a download":        {w.send("http://"+w.files, "GET", "/download/own/client.py", nil, show...), "download"},
			"an upload":         {w.form(token, "own", "client.py", "fine"), "upload"},
			"another's upload":  {w.form(token, "victim", "client.py", "evil"), ""},
			"a basic password":  {w.ask("nobody", "GET", "/api/v1/tasks", "", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("operator:"+token))), ""},
			"basic at the file": {w.send("http://"+w.files, "GET", "/download/own/client.py", nil, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("user:"+token))), ""},
		} {
			if good := strings.Contains(", "+tc.good+",", ", "+kind+","); good != (tc.got.status < 400) && !(kind == "api token" && strings.Contains(", "+tc.good, ", api token")) {
				t.Errorf("%s as %s: %v", kind, what, tc.got)
			}
		}
	}
	w.unchanged(before)
}

func TestNoTokenIsTakenFromAURL(t *testing.T) {
	w := newWorld(t)
	w.task("own", "client.py", "fine")
	for kind, token := range w.everyToken() {
		for _, name := range []string{"token", "access_token", "key", "Authorization", "agata_session"} {
			query := "?" + name + "=" + url.QueryEscape(token)
			for _, a := range []answer{w.ask("nobody", "GET", "/api/v1/tasks"+query, ""), w.ask("nobody", "GET", "/api/v1/live"+query, ""), w.ask("nobody", "GET", "/metrics"+query, ""),
				w.send("http://"+w.files, "GET", "/download/own/client.py"+query, nil)} {
				if a.status != 401 {
					t.Errorf("%s as %s: %v", kind, name, a)
				}
			}
		}
		if text := w.log.text(); strings.Contains(text, token) || strings.Contains(text, url.QueryEscape(token)) {
			t.Errorf("the log has a %s that was in a URL", kind)
		}
	}
}

func TestNoAlteredTokenIsTaken(t *testing.T) {
	w := newWorld(t)
	w.task("own", "client.py", "fine")
	tokens := w.everyToken()
	use := func(kind, token string) answer {
		show := []string{"Authorization", "Bearer " + token}
		switch kind {
		case "download":
			return w.send("http://"+w.files, "GET", "/download/own/client.py", nil, show...)
		case "upload":
			return w.form(token, "own", "client.py", "fine")
		case "enrolment":
			return w.ask("nobody", "POST", "/api/v1/enrol", `{"user_id":"c9","token":`+quoted(token)+`}`)
		}
		return w.ask("nobody", "POST", "/rpc_exec_client_requesting_task", `{"user_id":"c1"}`, show...)
	}
	for kind, token := range tokens {
		body, mac, sealed := strings.Cut(strings.TrimPrefix(token, "agd_"), ".")
		altered := []string{token[:len(token)-1], token + "A", strings.ToUpper(token), token[:5] + flip(token[5]) + token[6:], token[:len(token)-2] + flip(token[len(token)-2]) + token[len(token)-1:], token[4:], "ags_" + token[4:] + "=", token + "\t" + token}
		if sealed {
			said, err := base64.RawURLEncoding.DecodeString(body)
			if err != nil {
				t.Fatal(err)
			}
			longer := strings.Replace(string(said), `"expires":`, `"expires":9`, 1)
			other := strings.Replace(string(said), `"own"`, `"victim"`, 1)
			for _, claims := range []string{longer, other} {
				altered = append(altered, "agd_"+base64.RawURLEncoding.EncodeToString([]byte(claims))+"."+mac, "agd_"+base64.RawURLEncoding.EncodeToString([]byte(claims))+".")
			}
		}
		for _, bad := range altered {
			if a := use(kind, bad); a.status < 400 || a.status >= 500 {
				t.Errorf("%s altered to %q: %v", kind, bad, a)
			}
		}
		if a := use(kind, token); a.status >= 400 {
			t.Errorf("%s as it is: %v", kind, a)
		}
	}
	// Spent and revoked: no second time.
	if a := use("enrolment", tokens["enrolment"]); a.status != 401 {
		t.Errorf("an enrolment token for the second time: %v", a)
	}
	w.must(204, "operator", "DELETE", "/api/v1/clients/c1/credential", "")
	w.must(204, "operator", "DELETE", "/api/v1/session", "")
	for _, kind := range []string{"credential", "session"} {
		w.eventually("the "+kind+" ends", func() bool { return use(kind, tokens[kind]).status == 401 })
	}
}

// flip is another character of the same alphabet.
func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestNoTicketOutlivesItsTime(t *testing.T) {
	w := newWorld(t)
	w.task("own", "client.py", "fine")
	who := rpc.Identity{Kind: rpc.Client, Name: "c1"}
	for _, use := range []ticket.Use{ticket.Download, ticket.Upload} {
		old, _, err := ticket.Mint(w.key, use, "own", who, time.Now().Add(-ticket.Life-time.Second))
		if err != nil {
			t.Fatal(err)
		}
		key, err := rpc.NewKey([]byte(strings.Repeat("x", 32)))
		if err != nil {
			t.Fatal(err)
		}
		foreign, _, err := ticket.Mint(key, use, "own", who, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for name, token := range map[string]string{"an old one": old, "another cloud's": foreign} {
			a := w.form(token, "own", "client.py", "evil")
			if use == ticket.Download {
				a = w.send("http://"+w.files, "GET", "/download/own/client.py", nil, "Authorization", "Bearer "+token)
			}
			if a.status != 401 {
				t.Errorf("%s, %s: %v", use, name, a)
			}
		}
	}
	if a := w.must(200, "viewer", "GET", "/api/v1/tasks/own/files/client.py", ""); a.body != "fine" {
		t.Errorf("the file is now %q", a.body)
	}
}
