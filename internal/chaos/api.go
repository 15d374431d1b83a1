package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/pkg/contract"
)

// send asks the API once.
func (s *System) send(ctx context.Context, method, path, key string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(b)
	}
	addr := s.address("cloud-gateway")
	if addr == "" {
		return errors.New("the gateway has not said where it is")
	}
	req, err := http.NewRequestWithContext(ctx, method, s.scheme()+addr+"/api/v1"+path, content)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if s.closed != nil && s.closed.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.closed.token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if method == http.MethodPatch {
		req.Header.Set("If-Match", "*")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return &refused{status: resp.StatusCode, text: string(text)}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

func (s *System) get(ctx context.Context, path string, answer any) error {
	return s.send(ctx, http.MethodGet, path, "", nil, answer)
}

// status asks a client's task manager what it does.
func (s *System) status(ctx context.Context, client string) (state contract.ClientState, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	value, err := s.calls[client+"-broker"].call(ctx, contract.ClientStatus.Name, uuid.NewString(), struct{}{})
	if err == nil {
		err = json.Unmarshal(value, &state)
	}
	return state, err
}
