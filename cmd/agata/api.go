package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// waitEvery is the time between two looks at what is waited for.
	waitEvery = 500 * time.Millisecond
	// waitPatience is how long a gateway may be away meanwhile.
	waitPatience = 30 * time.Second
)

// maxAnswer bounds what is read of the file server's answer.
const maxAnswer = 16 << 20

// api runs fn with a client of the configured gateway, so that an operator needs
// no way to the broker.
func (c *cli) api(ctx context.Context, fn func(context.Context, *apiclient.Client) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	shown, err := token(cfg.GatewayURL())
	if err != nil {
		return err
	}
	secure, err := c.clientTLS(cfg)
	if err != nil {
		return err
	}
	api, err := apiclient.New(apiclient.Options{URL: cfg.GatewayURL(), TLS: secure, Token: shown, Timeout: cfg.RPC.Timeout + 5*time.Second})
	if err != nil {
		return usageError{err}
	}
	defer api.Close()
	return fn(ctx, api)
}

// print writes a value as JSON, or by table when that is wanted.
func (c *cli) print(v any, table func(io.Writer)) error {
	if c.format != "json" {
		table(c.out)
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.indented("", b, "\n")
}

// indented writes JSON for people and programs alike.
func (c *cli) indented(prefix string, b []byte, end string) error {
	var text bytes.Buffer
	if err := json.Indent(&text, b, prefix, "  "); err != nil {
		return fmt.Errorf("the answer is not JSON: %w", err)
	}
	text.WriteString(end)
	_, err := c.out.Write(text.Bytes())
	return err
}

// away tells whether nobody could be asked, for now.
func away(err error) bool {
	code := rpc.CodeOf(err)
	return code == rpc.Unavailable || code == rpc.Deadline
}

// gone is told when a stream breaks off.
func (c *cli) gone(err error) { fmt.Fprintf(c.err, "%v; trying again\n", err) }

// gap is told when a stream lost something.
func (c *cli) gap() {
	fmt.Fprintln(c.err, "some records are missing here: they were lost or removed before they could be shown")
}

// until looks again and again, until look says that it is done. The gateway may be
// away for a while. timeout 0 is none; what says what has not come when it is over.
func until(ctx context.Context, timeout time.Duration, what string, look func(context.Context) (done bool, err error)) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	heard := time.Now()
	for {
		done, err := look(ctx)
		switch {
		case err == nil && done:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case err == nil:
			heard = time.Now()
		case !away(err) || time.Since(heard) > waitPatience:
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(waitEvery):
		}
	}
}
