package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

// gateway calls functions through the cloud's HTTP gateway, so that an operator
// needs no way to the broker.
type gateway struct {
	url    string
	client http.Client
}

func newGateway(cfg *config.Config) *gateway {
	return &gateway{url: cfg.GatewayURL(), client: http.Client{Timeout: cfg.RPC.Timeout + 5*time.Second}}
}

// Call implements [rpc.Caller].
func (g *gateway) Call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+"/"+r.Function, bytes.NewReader(r.Body))
	if err != nil {
		return rpc.Reply{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := g.client.Do(req)
	if err != nil {
		code := rpc.Unavailable
		if t, ok := errors.AsType[interface {
			error
			Timeout() bool
		}](err); ok && t.Timeout() {
			code = rpc.Deadline
		}
		return rpc.Reply{}, rpc.Errorf(code, "the gateway at %s does not answer (start it with agata up, or set server.gateway.url): %w", g.url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return rpc.Reply{}, rpc.Errorf(rpc.Unavailable, "the answer of the gateway broke off: %w", err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return rpc.Reply{Body: rpc.EncodeReturn(body)}, nil
	case http.StatusBadRequest, http.StatusInternalServerError:
		var text string
		if json.Unmarshal(body, &text) != nil {
			text = string(body)
		}
		status := rpc.Internal
		if resp.StatusCode == http.StatusBadRequest {
			status = rpc.Invalid
		}
		return rpc.Reply{Body: rpc.EncodeException(status, text), Code: resp.Header.Get(contract.CodeHeader)}, nil
	default:
		return rpc.Reply{}, rpc.Errorf(rpc.Unavailable, "the gateway at %s answered %s: %.200s", g.url, resp.Status, body)
	}
}

// ask calls a function through the gateway of the configuration.
func ask[Req, Resp any](ctx context.Context, c *cli, fn contract.Function[Req, Resp], req Req) (Resp, error) {
	cfg, err := c.load()
	if err != nil {
		var none Resp
		return none, err
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.RPC.Timeout)
	defer cancel()
	return rpc.Call(ctx, newGateway(cfg), fn, req)
}

// print writes a value as JSON, or by table when that is wanted.
func (c *cli) print(v any, table func(io.Writer)) error {
	if c.format != "json" {
		table(c.out)
		return nil
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s\n", b)
	return err
}
