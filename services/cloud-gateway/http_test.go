package cloudgateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// answer is what a peer sees of a response.
type answer struct {
	status int
	body   string
	header http.Header
}

func request(t testing.TB, method, url, body string, header ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return send(t, req)
}

// send uses no connection twice, so that none is left open.
func send(t testing.TB, req *http.Request) answer {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, string(b), resp.Header}
}

func post(t testing.TB, url, fn, body string) answer {
	t.Helper()
	return request(t, http.MethodPost, url+"/"+fn, body)
}

// text reads a bare JSON string.
func text(t testing.TB, a answer) string {
	t.Helper()
	var s string
	if err := json.Unmarshal([]byte(a.body), &s); err != nil || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("the body %.200q (%s) is not a bare JSON string", a.body, a.header.Get("Content-Type"))
	}
	return s
}

// users answers as the user manager does.
func users(s *baseservice.Service) {
	raw := contract.Function[json.RawMessage, json.RawMessage]{Name: contract.UpdateUser.Name}
	baseservice.Handle(s, raw, func(_ context.Context, body json.RawMessage) (json.RawMessage, error) { return body, nil })
	baseservice.Handle(s, contract.GetUser, func(_ context.Context, req contract.UserIDRequest) (contract.User, error) {
		switch req.UserID {
		case "nobody":
			return contract.User{}, rpc.Text(rpc.NotFound, contract.UserNotRegistered(req.UserID))
		case "broken":
			return contract.User{}, errors.New(`disk "a" <full> ü`)
		case "away":
			return contract.User{}, rpc.Text(rpc.Unavailable, "nobody serves as I do")
		}
		return contract.User{ID: req.UserID, Sensors: []string{}}, nil
	})
}
