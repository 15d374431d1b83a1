package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Node is a RabbitMQ node on 127.0.0.1, with the account guest.
type Node struct{ AMQP, Management int } // ports

// ParseNode reads "amqp-port,management-port".
func ParseNode(text string) (n Node, err error) {
	amqp, management, ok := strings.Cut(text, ",")
	if ok {
		if n.AMQP, err = strconv.Atoi(amqp); err == nil {
			n.Management, err = strconv.Atoi(management)
		}
	}
	if !ok || err != nil || n.AMQP < 1 || n.Management < 1 {
		return n, fmt.Errorf("the RabbitMQ node %q is not written as amqp-port,management-port", text)
	}
	return n, nil
}

// vhost is a virtual host of a system's own.
type vhost struct {
	node Node
	name string
}

func makeVHost(ctx context.Context, n Node, name string) (vhost, error) {
	v := vhost{n, "chaos-" + name}
	err := v.manage(ctx, http.MethodPut, "/vhosts/"+url.PathEscape(v.name), `{}`)
	if err == nil {
		err = v.manage(ctx, http.MethodPut, "/permissions/"+url.PathEscape(v.name)+"/guest", `{"configure":".*","write":".*","read":".*"}`)
	}
	return v, err
}

func (v vhost) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(v.node.AMQP)) }

func (v vhost) remove(ctx context.Context) error {
	return v.manage(ctx, http.MethodDelete, "/vhosts/"+url.PathEscape(v.name), "")
}

func (v vhost) manage(ctx context.Context, method, path, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://127.0.0.1:%d/api%s", v.node.Management, path), bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth("guest", "guest")
	req.Header.Set("Content-Type", "application/json")
	req.Close = true // no connection is kept
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("RabbitMQ's management API: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("RabbitMQ's management API answered %s %s with %s: %s", method, path, resp.Status, text)
	}
	return nil
}
