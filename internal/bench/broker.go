package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/pkg/amqpx"
)

// Embedded is the name of the broker that needs nothing.
const Embedded = "embedded"

// Broker is a kind of broker to measure on: the embedded one, a new one for each
// use, or a RabbitMQ, with a virtual host of its own for each use.
type Broker struct {
	Name    string // "embedded" or "RabbitMQ"
	Version string // with its name

	amqp       *url.URL // nil: embedded
	management *url.URL // of RabbitMQ's HTTP API
}

// NewBroker finds a broker: "embedded", or the amqp:// URL of a RabbitMQ whose
// management API is at a URL; "" is RabbitMQ's usual port, 10000 above AMQP's.
func NewBroker(ctx context.Context, address, management string) (*Broker, error) {
	if address == Embedded {
		return &Broker{Name: Embedded, Version: "embedded (" + runtime.Version() + ")"}, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "amqp" || u.Hostname() == "" {
		return nil, fmt.Errorf("the broker %q is neither %q nor a URL such as amqp://guest:guest@127.0.0.1:5672", address, Embedded)
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), "5672")
	}
	if u.User == nil {
		u.User = url.UserPassword("guest", "guest")
	}
	b := &Broker{Name: "RabbitMQ", amqp: u}
	if management == "" {
		port, err := strconv.Atoi(u.Port())
		if err != nil {
			return nil, fmt.Errorf("the broker %q: %w", address, err)
		}
		management = "http://" + net.JoinHostPort(u.Hostname(), strconv.Itoa(port+10000))
	}
	if b.management, err = url.Parse(management); err != nil {
		return nil, fmt.Errorf("the management API %q: %w", management, err)
	}
	var overview struct {
		Version string `json:"rabbitmq_version"`
		Erlang  string `json:"erlang_version"`
	}
	if err := b.manage(ctx, http.MethodGet, "/overview", nil, &overview); err != nil {
		return nil, fmt.Errorf("%w; each bench has virtual hosts of its own, which that API makes: say where it is by --management", err)
	}
	b.Version = fmt.Sprintf("RabbitMQ %s (Erlang %s)", overview.Version, overview.Erlang)
	return b, nil
}

// place is a broker in use.
type place struct {
	broker *Broker
	host   string
	port   int
	vhost  string

	server *amqpd.Server // if embedded
	stop   context.CancelFunc
	ended  chan error
}

// open gives an empty broker; who has it closes it.
func (b *Broker) open(ctx context.Context) (*place, error) {
	p := &place{broker: b, vhost: "/"}
	if b.amqp == nil {
		var err error
		if p.server, err = amqpd.New(amqpd.Options{Addr: "127.0.0.1:0"}); err != nil {
			return nil, err
		}
		addr := p.server.Addr().(*net.TCPAddr)
		p.host, p.port, p.ended = "127.0.0.1", addr.Port, make(chan error, 1)
		ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
		go func() { p.ended <- p.server.Run(ctx) }()
		return p, nil
	}
	var err error
	p.host, p.vhost = b.amqp.Hostname(), "bench-"+uuid.NewString()
	if p.port, err = strconv.Atoi(b.amqp.Port()); err != nil {
		return nil, err
	}
	err = b.manage(ctx, http.MethodPut, "/vhosts/"+p.vhost, map[string]string{"description": "agata bench"}, nil)
	if err == nil {
		err = b.manage(ctx, http.MethodPut, "/permissions/"+p.vhost+"/"+url.PathEscape(b.amqp.User.Username()),
			map[string]string{"configure": ".*", "write": ".*", "read": ".*"}, nil)
	}
	return p, err
}

// close ends an embedded broker, and removes the virtual host of a RabbitMQ.
func (p *place) close() error {
	if p.server != nil {
		p.stop()
		return <-p.ended
	}
	return p.broker.manage(context.Background(), http.MethodDelete, "/vhosts/"+p.vhost, nil, nil)
}

// url is where a client of AMQP finds it.
func (p *place) url() string {
	u := url.URL{Scheme: "amqp", User: p.user(), Host: p.addr(), Path: "/" + p.vhost, RawPath: "/" + url.PathEscape(p.vhost)}
	return u.String()
}

func (p *place) user() *url.Userinfo {
	if p.broker.amqp == nil {
		return url.UserPassword("guest", "guest")
	}
	return p.broker.amqp.User
}

func (p *place) addr() string { return net.JoinHostPort(p.host, strconv.Itoa(p.port)) }

// settings lead a service of one side, "server" or "client", here.
func (p *place) settings(side string, set map[string]string) {
	password, _ := p.user().Password()
	for key, value := range map[string]string{"host": p.host, "port": strconv.Itoa(p.port), "vhost": p.vhost, "user": p.user().Username(), "password": password} {
		set[side+".broker."+key] = value
	}
}

// transport connects to it until the returned function is called.
func (p *place) transport(ctx context.Context, name string) (*amqpx.Transport, func() error, error) {
	password, _ := p.user().Password()
	t, err := amqpx.New(amqpx.Options{Host: p.host, Port: p.port, User: p.user().Username(), Password: password, VHost: p.vhost, Name: "bench/" + name})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- t.Run(ctx) }()
	stop := func() error { cancel(); return <-ended }
	wait, done := context.WithTimeout(ctx, 20*time.Second)
	defer done()
	if err := t.Ready(wait); err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return t, stop, nil
}

// manage asks RabbitMQ's management API; answer may be nil.
func (b *Broker) manage(ctx context.Context, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(b.management.String(), "/")+"/api"+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	password, _ := b.amqp.User.Password()
	req.SetBasicAuth(b.amqp.User.Username(), password)
	req.Header.Set("Content-Type", "application/json")
	req.Close = true // no connection is kept
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("RabbitMQ's management API: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("RabbitMQ's management API: %s %s: %w", method, path, err)
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("RabbitMQ's management API answered %s %s with %s: %.200s", method, path, resp.Status, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
