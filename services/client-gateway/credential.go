package clientgateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/keyring"
)

const (
	// enrolPath takes enrolment tokens, of who has no credential yet.
	enrolPath = "/api/v1/enrol"
	// lookEvery is how often the file is looked at while there is no credential, or
	// after one was refused: an operator may have put one there.
	lookEvery = time.Second
	// enrolEvery is the least time between two attempts to enrol.
	enrolEvery = 5 * time.Second
	// maxCredential bounds the answer to an enrolment, in bytes.
	maxCredential = 4 << 10
)

// credential is what the client shows the cloud. As a transport it puts it on
// every request that goes there.
type credential struct {
	path, token string // the file; the token to enrol with
	url, userID string // of the cloud, of the client
	next        http.RoundTripper
	log         *slog.Logger

	mu       sync.Mutex
	value    string
	looked   time.Time
	enrolled time.Time // the last attempt
	told     string    // the last one that the cloud refused, as the log says
}

// RoundTrip sends a request with the credential, if there is one.
func (c *credential) RoundTrip(r *http.Request) (*http.Response, error) {
	shown := c.current(r.Context())
	if shown != "" {
		r = r.Clone(r.Context()) // a transport must not change its request
		r.Header.Set("Authorization", "Bearer "+shown)
	}
	resp, err := c.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		c.refused(shown)
	}
	return resp, err
}

// current is the credential. Without one it looks for the file, and enrols if it
// may; a failure is logged, and the request goes without.
func (c *credential) current(ctx context.Context) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value != "" || c.path == "" || time.Since(c.looked) < lookEvery {
		return c.value
	}
	c.looked = time.Now()
	found, err := keyring.Credential(c.path)
	if err != nil {
		c.log.Error("the client's credential cannot be read", "err", err)
		return ""
	}
	if found == "" && c.token != "" && time.Since(c.enrolled) >= enrolEvery {
		c.enrolled = time.Now()
		if found, err = c.enrol(ctx); err != nil {
			c.log.Warn("the client could not enrol at the cloud", "url", c.url, "err", err)
			return ""
		}
		c.log.Info("the client has enrolled at the cloud", "url", c.url, "credential", c.path)
	}
	c.value = found
	return found
}

// refused forgets a credential that the cloud does not take, so that a new one in
// the file is found.
func (c *credential) refused(shown string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value == shown {
		c.value = ""
	}
	if shown != "" && shown != c.told {
		c.told = shown
		c.log.Error("the cloud refuses this client's credential: it was revoked, or is another cloud's; remove the file and enrol again with agata client join", "credential", c.path)
	}
}

// enrol spends the token.
func (c *credential) enrol(ctx context.Context) (string, error) {
	body, err := json.Marshal(map[string]string{"token": c.token, "user_id": c.userID})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+enrolPath, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxCredential))
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("status %s: %.300s", resp.Status, text)
	}
	var answer struct {
		Credential string `json:"credential"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Credential == "" {
		return "", errors.New("the answer holds no credential")
	}
	if err := keyring.SetCredential(c.path, answer.Credential); err != nil {
		// It is good while this process lives.
		c.log.Error("the client's new credential is not on disk: after a restart an operator must revoke it, and the client enrol again", "err", err)
	}
	return answer.Credential, nil
}

// CloseIdleConnections lets go of kept connections, as [http.Client] asks for.
func (c *credential) CloseIdleConnections() {
	if t, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
