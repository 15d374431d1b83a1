package cloudgateway

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/internal/access/accesstest"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// closedGateway runs one that asks for credentials, before a user manager.
func closedGateway(t *testing.T, auth Auth) (url, data string, tokens map[string]string) {
	t.Helper()
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	peer(t, tr, "user-manager", users)
	data = t.TempDir()
	tokens = accesstest.Write(t, data)
	tokens["nobody"] = ""
	s, err := New(Options{Addr: "127.0.0.1:0", Transport: tr, Data: data, Auth: &auth, Gatherer: prometheus.NewRegistry(), Console: app(), Base: baseservice.Options{Schemas: brokertest.Schemas(t)}})
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Run(t, "cloud gateway", s.Run)
	brokertest.Wait(t, "the start of the cloud gateway", s.Started())
	return "http://" + s.Addr(), data, tokens
}

func bearer(token string) []string {
	if token == "" {
		return nil
	}
	return []string{"Authorization", "Bearer " + token}
}

func TestClosedWire(t *testing.T) {
	closed, _, tokens := closedGateway(t, Auth{})
	peers, _, peerTokens := closedGateway(t, Auth{Peers: true})
	update, get, list := contract.UpdateUser.Name, contract.GetUser.Name, contract.ListUsers.Name
	for _, tc := range []struct {
		name, fn, who, body string
		closed, peers       int
	}{
		{"nobody", update, "nobody", `{"user_id":"c1"}`, 401, 200},
		{"nobody, of AGATA's own", list, "nobody", `{}`, 401, 401},
		{"nobody, of none", "rpc_exec_of_tomorrow", "nobody", `{}`, 401, 401},
		{"nobody, with a bad body", update, "nobody", `{`, 401, 400},
		{"client", update, "c1", `{"user_id":"c1"}`, 200, 200},
		{"client that names another", update, "c1", `{"user_id":"c2"}`, 403, 403},
		{"client that names two", update, "c1", `{"user_id":"c1","user_id":"c2"}`, 403, 403},
		{"client that reads itself", get, "c1", `{"user_id":"c1"}`, 200, 200},
		{"client that reads another", get, "c1", `{"user_id":"c2"}`, 403, 403},
		{"client that manages", contract.StopServerTask.Name, "c1", `{"task_id":"t"}`, 403, 403},
		{"viewer that changes", update, "viewer", `{"user_id":"c1"}`, 403, 403},
		{"viewer that reads", get, "viewer", `{"user_id":"c2"}`, 200, 200},
		{"viewer that asks for a password", contract.GetTask.Name, "viewer", `{"task_id":"t"}`, 403, 403},
		{"operator", update, "operator", `{"user_id":"c2"}`, 200, 200},
		{"operator, of none", "rpc_exec_of_tomorrow", "operator", `{}`, 500, 500},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, side := range []struct {
				url    string
				tokens map[string]string
				want   int
			}{{closed, tokens, tc.closed}, {peers, peerTokens, tc.peers}} {
				a := request(t, "POST", side.url+"/"+tc.fn, tc.body, bearer(side.tokens[tc.who])...)
				if a.status != side.want {
					t.Errorf("got %d %s, want %d", a.status, a.body, side.want)
				}
				switch code := a.header.Get(contract.CodeHeader); {
				case a.status == 401 && (code != "unauthorized" || a.header.Get("WWW-Authenticate") == ""), a.status == 403 && code != "forbidden":
					t.Errorf("the code is %q, %v", code, a.header)
				case a.status >= 400:
					text(t, a)
				}
			}
		})
	}
}

// TestWhatIsOpen in a closed cloud, and what of it is not.
func TestWhatIsOpen(t *testing.T) {
	url, _, tokens := closedGateway(t, Auth{})
	for path, status := range map[string]int{"/healthz": 200, "/readyz": 200, "/openapi.yaml": 200, "/": 200, "/tasks": 200, "/api/v1/session": 200, "/metrics": 401, "/api/v1/tasks": 401, "/api/v1/overview": 401, "/api/v1/live": 401} {
		if a := request(t, "GET", url+path, "", "Accept", "text/html"); a.status != status {
			t.Errorf("%s: %d %.200s", path, a.status, a.body)
		}
	}
	if a := request(t, "GET", url+"/metrics", "", bearer(tokens["viewer"])...); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := request(t, "GET", url+"/metrics", "", bearer(tokens["c1"])...); a.status != 403 || !strings.Contains(a.body, `"hint"`) {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// TestOtherPages cannot make a browser do what its operator may.
func TestOtherPages(t *testing.T) {
	url, _, tokens := closedGateway(t, Auth{})
	cookie := "agata_session=" + tokens["operator"]
	for _, tc := range []struct {
		name, origin, site string
		wire, api          int
	}{
		{"own page", url, "same-origin", 200, 400},
		{"another site", "https://evil.example", "cross-site", 401, 403},
		{"another port of this host", "http://127.0.0.1:1", "same-site", 401, 403},
		{"a page without an origin", "null", "cross-site", 401, 403},
		{"older browser", "https://evil.example", "", 401, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := []string{"Cookie", cookie, "Origin", tc.origin}
			if tc.site != "" {
				header = append(header, "Sec-Fetch-Site", tc.site)
			}
			if a := request(t, "POST", url+"/"+contract.UpdateUser.Name, `{"user_id":"c1"}`, append(header, "Content-Type", "text/plain")...); a.status != tc.wire {
				t.Errorf("a call: %d %s", a.status, a.body)
			}
			for _, route := range []string{"/api/v1/tasks", "/api/v1/session", "/api/v1/tokens"} {
				if a := request(t, "POST", url+route, `{}`, append(header, "Content-Type", "application/json")...); a.status != tc.api {
					t.Errorf("%s: %d %s", route, a.status, a.body)
				}
			}
			a := request(t, "GET", url+"/api/v1/tokens", "", header...)
			if origin := a.header.Get("Access-Control-Allow-Origin"); origin != "" || a.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("a page of %s may read: %v", tc.origin, a.header)
			}
		})
	}
}

func TestCallsAreCounted(t *testing.T) {
	now := time.Now()
	url, _, tokens := closedGateway(t, Auth{RequestsPerSecond: 1, Now: func() time.Time { return now }})
	for range 10 {
		if a := request(t, "POST", url+"/"+contract.UpdateUser.Name, `{"user_id":"c1"}`, bearer(tokens["c1"])...); a.status != 200 {
			t.Fatalf("got %d %s", a.status, a.body)
		}
	}
	a := request(t, "POST", url+"/"+contract.UpdateUser.Name, `{"user_id":"c1"}`, bearer(tokens["c1"])...)
	if text(t, a); a.status != 429 || a.header.Get("Retry-After") != "1" || a.header.Get(contract.CodeHeader) != "unavailable" {
		t.Errorf("got %d %v %s", a.status, a.header, a.body)
	}
	if a := request(t, "POST", url+"/"+contract.UpdateUser.Name, `{"user_id":"c2"}`, bearer(tokens["c2"])...); a.status != 200 {
		t.Errorf("another client: %d %s", a.status, a.body)
	}
}

// TestCommandLineRevokes beside the running gateway, in the file.
func TestCommandLineRevokes(t *testing.T) {
	url, data, tokens := closedGateway(t, Auth{})
	call := func() int {
		return request(t, "POST", url+"/"+contract.UpdateUser.Name, `{"user_id":"c1"}`, bearer(tokens["c1"])...).status
	}
	if got := call(); got != 200 {
		t.Fatalf("got %d", got)
	}
	beside, err := access.Open(t.Context(), filepath.Join(data, access.File), access.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = beside.Close() }()
	if err := beside.RevokeCredential(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	testenv.Eventually(t, 20*time.Second, "the credential is refused", func() bool { return call() == 401 })
	t.Logf("refused after %s", time.Since(began).Round(time.Millisecond))
}
