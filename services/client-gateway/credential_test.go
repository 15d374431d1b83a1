package clientgateway

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"

	"github.com/agata-fl/agata/internal/keyring"
)

// guard is a cloud that takes one credential, and gives it for one token once.
type guard struct {
	mu        sync.Mutex
	good      string
	token     string
	enrolled  int
	unknown   int // requests without the credential
	forwarded int
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.URL.Path == enrolPath {
		var body struct{ Token, UserID string }
		if json.NewDecoder(r.Body).Decode(&body) != nil || body.Token != g.token || r.Header.Get("Authorization") != "" {
			http.Error(w, "the token is not known, or was spent", http.StatusUnauthorized)
			return
		}
		g.enrolled++
		g.token, g.good = "", "agc_new"
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]string{"credential": g.good})
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+g.good {
		g.unknown++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	g.forwarded++
}

func (g *guard) client(t *testing.T, path, token string) *http.Client {
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	return &http.Client{Transport: &credential{path: path, token: token, url: srv.URL, userID: "ada", next: rebase{srv.URL}, log: slog.New(slog.DiscardHandler)}}
}

// rebase sends requests for http://cloud to a test's server.
type rebase struct{ to string }

func (b rebase) RoundTrip(r *http.Request) (*http.Response, error) {
	other, err := http.NewRequestWithContext(r.Context(), r.Method, b.to+r.URL.Path, r.Body)
	if err != nil {
		return nil, err
	}
	other.Header = r.Header
	return http.DefaultTransport.RoundTrip(other)
}

func statusOf(t *testing.T, c *http.Client) int {
	t.Helper()
	resp, err := c.Get("http://cloud/x")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestTheCredentialIsShown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.credential")
	if err := keyring.SetCredential(path, "agc_old"); err != nil {
		t.Fatal(err)
	}
	g := &guard{good: "agc_old"}
	if code := statusOf(t, g.client(t, path, "")); code != 200 {
		t.Errorf("status %d", code)
	}
}

// A client without a credential enrols once, keeps what it is given, and shows it
// from its first request on; the token is spent.
func TestAClientEnrols(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "client.credential")
	g := &guard{token: "age_once", good: "nobody has this"}
	c := g.client(t, path, "age_once")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if code := statusOf(t, c); code != 200 {
				t.Errorf("status %d", code)
			}
		})
	}
	wg.Wait()
	if g.enrolled != 1 || g.unknown != 0 {
		t.Errorf("it enrolled %d times, and asked %d times without a credential", g.enrolled, g.unknown)
	}
	if kept, err := keyring.Credential(path); err != nil || kept != "agc_new" {
		t.Errorf("kept: %q, %v", kept, err)
	}
}

// A credential that was revoked is not asked with for ever: a new one in its file
// is found.
func TestARefusedCredentialIsLookedForAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.credential")
	if err := keyring.SetCredential(path, "agc_old"); err != nil {
		t.Fatal(err)
	}
	g := &guard{good: "agc_new"}
	c := g.client(t, path, "")
	if code := statusOf(t, c); code != 401 {
		t.Fatalf("status %d", code)
	}
	if err := keyring.SetCredential(path, "agc_new"); err != nil {
		t.Fatal(err)
	}
	transport := c.Transport.(*credential)
	transport.mu.Lock()
	transport.looked = transport.looked.Add(-lookEvery) // it was a second ago
	transport.mu.Unlock()
	if code := statusOf(t, c); code != 200 {
		t.Errorf("status %d", code)
	}
}

func TestATokenThatWasSpent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.credential")
	g := &guard{token: "another", good: "x"}
	if code := statusOf(t, g.client(t, path, "age_spent")); code != 401 {
		t.Errorf("status %d", code)
	}
	if kept, err := keyring.Credential(path); err != nil || kept != "" {
		t.Errorf("kept: %q, %v", kept, err)
	}
}
