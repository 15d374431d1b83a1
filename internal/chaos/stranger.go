package chaos

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// knockEvery is how often a stranger tries to get in.
const knockEvery = 300 * time.Millisecond

// stranger has not what a closed system asks for, each way something else.
type stranger struct {
	s          *System
	unsealed   *caller
	uncertain  *http.Client // without a certificate
	unanswered time.Duration
}

func newStranger(s *System) (*stranger, error) {
	trust, err := pki.ClientConfig(config.TLS{CA: s.closed.certs().Cert("ca")}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return &stranger{s: s, unsealed: newCaller(s.calls[cloudBroker].url, s.calls[cloudBroker].trust, rpc.Key{}), unanswered: time.Second,
		uncertain: &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}}, nil
}

// knock tries to get in until ctx ends, and counts how often it was turned away.
func (x *stranger) knock(ctx context.Context, t *trial) {
	defer x.unsealed.close()
	for ctx.Err() == nil {
		if status, err := x.ask(ctx, x.s.http, ""); err == nil && status != http.StatusUnauthorized && status != http.StatusTooManyRequests && status < 500 {
			t.violate(KeepsOut, "a request without credentials was answered with %d", status)
		} else if status == http.StatusUnauthorized {
			t.knocks.Add(1)
		}
		if status, err := x.ask(ctx, x.uncertain, x.s.closed.token); err == nil {
			t.violate(KeepsOut, "a request without a certificate was answered with %d", status)
		}
		called, cancel := context.WithTimeout(ctx, x.unanswered)
		answer, err := x.unsealed.call(called, contract.ListTasks.Name, uuid.NewString(), struct{}{})
		cancel()
		if err == nil {
			t.violate(KeepsOut, "a call without a seal was answered: %.100s", answer)
		} else if _, answered := err.(*refused); answered {
			t.knocks.Add(1)
		}
		sleep(ctx, knockEvery)
	}
}

// ask asks the gateway for the tasks.
func (x *stranger) ask(ctx context.Context, by *http.Client, token string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, x.unanswered)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, x.s.base("cloud-gateway")+"/api/v1/tasks", nil)
	if err != nil {
		return 0, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := by.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
