package artifact

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

type whose struct{}

// tokens: "read-t1" and "write-t1" are good for task t1.
func tokens(ctx context.Context, token string, upload bool) (context.Context, string, error) {
	if want := map[bool]string{false: "read-t1", true: "write-t1"}[upload]; token != want {
		return nil, "", errors.New("the token is not known")
	}
	return context.WithValue(ctx, whose{}, token), "t1", nil
}

func TestTokens(t *testing.T) {
	s := newStore(t, Limits{})
	var receivedFrom any
	h, err := NewHandler(HandlerOptions{Store: s, Credentials: credentials, Admit: tokens,
		Received: func(ctx context.Context, _ string, _ []File) { receivedFrom = ctx.Value(whose{}) }})
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, h)
	upload := func(token, task string) (int, string) {
		contentType, body := form(t, "task_id="+task, "files@client.py=print()")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/upload_files", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	for token, want := range map[string]int{"": 401, "read-t1": 401, "nonsense": 401} {
		if code, text := upload(token, "t1"); code != want || !strings.Contains(text, "needs a token") {
			t.Errorf("an upload with the token %q: %d %s", token, code, text)
		}
	}
	if code, text := upload("write-t1", "t2"); code != 403 || !strings.Contains(text, "task t1") {
		t.Errorf("an upload for another task: %d %s", code, text)
	}
	if left, err := filepath.Glob(filepath.Join(tasksDir(s), "task_*")); err != nil || len(left) > 0 {
		t.Errorf("refused uploads left %v, %v", left, err)
	}
	if code, text := upload("write-t1", "t1"); code != 200 || receivedFrom != "write-t1" {
		t.Fatalf("an upload: %d %s, from %v", code, text, receivedFrom)
	}

	fetcher, err := NewFetcher(FetcherOptions{BaseURL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer fetcher.Close()
	fetch := func(task, token string) error {
		_, err := fetcher.Fetch(t.Context(), Request{TaskID: task, User: "ann", Password: "wrong", Token: token, Paths: []string{"client.py"}, Dir: filepath.Join(t.TempDir(), "task")})
		return err
	}
	if err := fetch("t1", "read-t1"); err != nil {
		t.Errorf("a download with a token: %v", err)
	}
	for _, token := range []string{"write-t1", "nonsense", ""} {
		if err := fetch("t1", token); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("a download with the token %q: %v", token, err)
		}
	}
}

// A ticket opens its own task's files and no others.
func TestATokenForAnotherTask(t *testing.T) {
	s := newStore(t, Limits{})
	h, err := NewHandler(HandlerOptions{Store: s, Credentials: credentials, Admit: func(ctx context.Context, _ string, _ bool) (context.Context, string, error) {
		return ctx, "t2", nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, serve(t, h).URL+"/download/t1/client.py", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer x")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", resp.StatusCode)
	}
}
