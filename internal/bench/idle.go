package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// The figures of the idle and up benches.
const (
	core        = "of a core"
	resident    = "memory"
	ownMemory   = "memory without pages of files"
	idleClient  = "a client, with nothing to do"
	firstAnswer = "start to the first good call"
)

// settle is how long a process may take to come to rest before it is watched.
const settle = 5 * time.Second

func runIdle(ctx context.Context, e *Env) (Result, error) {
	window := e.Idle / time.Duration(e.Rounds)
	r := Result{About: fmt.Sprintf("A client (gateway and task manager in one process) that nobody wants anything of, with its defaults: it asks every 10 s, and holds its downlink. "+
		"Watched for %s in all, from %s after its start on.", e.Idle, settle)}
	var variants []Variant
	for _, b := range e.Brokers {
		s, err := e.newSystem(ctx, b)
		defer func() { err = errors.Join(err, s.close()) }()
		if err == nil {
			err = s.serveCloud(ctx)
		}
		if err == nil {
			delete(s.set, "client.params.request_interval")
			err = s.serveClient(ctx)
		}
		if err != nil {
			return r, fmt.Errorf("on %s: %w", b.Name, err)
		}
		variants = append(variants, Variant{Name: idleClient + ", " + b.Name, Measure: func(ctx context.Context) (Round, error) { return s.device.watch(ctx, window) }})
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return r, ctx.Err()
	}
	cold := *e
	cold.Cold = true
	g, err := cold.interleave(ctx, "idle", variants...)
	if err != nil {
		return r, err
	}
	r.Groups = append(r.Groups, g)
	for _, b := range e.Brokers {
		v := idleClient + ", " + b.Name
		r.Goals = append(r.Goals, g.bound(b.Name+": processor time", 0.1, true, v, core), g.bound(b.Name+": memory", 30, true, v, resident))
	}
	return r, nil
}

// watch tells what a process uses over some time.
func (p *process) watch(ctx context.Context, over time.Duration) (Round, error) {
	before, err := p.processorTime()
	if err != nil {
		return Round{}, err
	}
	began := time.Now()
	select {
	case <-time.After(over):
	case <-ctx.Done():
		return Round{}, ctx.Err()
	}
	after, err := p.processorTime()
	if err != nil {
		return Round{}, err
	}
	all, own, err := p.memory()
	return Round{Values: []Value{
		{Name: core, Unit: "%", Value: 100 * (after - before).Seconds() / time.Since(began).Seconds()},
		{Name: resident, Unit: "MB", Value: all / 1e6}, {Name: ownMemory, Unit: "MB", Value: own / 1e6},
	}}, err
}

func runUp(ctx context.Context, e *Env) (Result, error) {
	r := Result{About: "`agata up` on an empty data folder: from before its process is made to the first good answer by HTTP that went through the broker to a service and its database."}
	var variants []Variant
	for _, b := range e.Brokers {
		variants = append(variants, Variant{Name: b.Name, Measure: func(ctx context.Context) (round Round, err error) {
			for range max(e.Count/4, 1) {
				took, err := e.up(ctx, b)
				if err != nil {
					return round, err
				}
				round.Times = append(round.Times, Timing{firstAnswer, []time.Duration{took}})
			}
			return round, nil
		}})
	}
	g, err := e.interleave(ctx, "agata up", variants...)
	if err != nil {
		return r, err
	}
	r.Groups = append(r.Groups, g)
	for _, b := range e.Brokers {
		r.Goals = append(r.Goals, g.within(b.Name+": start to the first good call, p50", 300, b.Name, firstAnswer, p50))
	}
	return r, nil
}

// up is one start.
func (e *Env) up(ctx context.Context, b *Broker) (took time.Duration, err error) {
	s, err := e.newSystem(ctx, b)
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return 0, err
	}
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	s.set["server.gateway.port"] = strconv.Itoa(port)
	if b.amqp == nil {
		s.set["broker.mode"], s.set["server.broker.port"], s.set["client.broker.port"] = "embedded", "0", "0"
	}
	where := (&url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Path: "/" + contract.UpdateUser.Name}).String()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	began := time.Now()
	p, err := e.start(filepath.Join(s.dir, "up"), s.set, "up")
	if err != nil {
		return 0, err
	}
	s.closers = append(s.closers, p.stop)
	s.services = p
	err = s.until(ctx, patience, "agata up answers", func() bool {
		resp, err := client.Post(where, "application/json", strings.NewReader(`{"user_id":"bob","data_qnt":1}`))
		if err != nil {
			return false
		}
		_ = resp.Body.Close() // only the status counts
		return resp.StatusCode == http.StatusOK
	})
	took = time.Since(began)
	return took, errors.Join(err, p.ready(ctx))
}

// freePort is a port on 127.0.0.1 that was free a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
