// nats-peer is what `agata bench rpc --nats` compares AGATA's calls with: a NATS server,
// a service of its framework and callers, in one process as the bench has the embedded
// broker. It is a module of its own, so that none of NATS is among AGATA's dependencies.
//
// It reads orders {"callers", "seconds"}, a line of JSON each, and answers each with
// {"calls", "seconds", "p50_ms", "p99_ms", "cpu_us"}.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// The request has 256 bytes, as the bench's.
const (
	subject  = "bench.echo"
	bodySize = 256
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "nats-peer:", err)
		os.Exit(1)
	}
}

func run() error {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		return err
	}
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		return errors.New("the server did not start")
	}
	serving, err := nats.Connect(s.ClientURL())
	if err != nil {
		return err
	}
	defer serving.Close()
	calling, err := nats.Connect(s.ClientURL())
	if err != nil {
		return err
	}
	defer calling.Close()
	echo, err := micro.AddService(serving, micro.Config{Name: "bench", Version: "1.0.0", Endpoint: &micro.EndpointConfig{
		Subject: subject, Handler: micro.HandlerFunc(func(r micro.Request) { _ = r.Respond(r.Data()) }), // the caller finds what is missing
	}})
	if err != nil {
		return err
	}
	defer echo.Stop() //nolint:errcheck // the process ends
	orders, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for orders.More() {
		var order struct {
			Callers int     `json:"callers"`
			Seconds float64 `json:"seconds"`
		}
		if err := orders.Decode(&order); err != nil {
			return err
		}
		got, err := measure(calling, order.Callers, time.Duration(order.Seconds*float64(time.Second)))
		if err != nil {
			got = result{Error: err.Error()}
		}
		if err := answers.Encode(got); err != nil {
			return err
		}
	}
	return nil
}

type result struct {
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	CPU     float64 `json:"cpu_us"`
	Error   string  `json:"error,omitempty"`
}

// measure has so many callers call, each one call after the other.
func measure(nc *nats.Conn, callers int, over time.Duration) (result, error) {
	body := []byte(`{"user_id":"` + strings.Repeat("x", bodySize-len(`{"user_id":""}`)) + `"}`)
	took, errs := make([][]time.Duration, callers), make([]error, callers)
	var wg sync.WaitGroup
	began, used := time.Now(), processorTime()
	for i := range callers {
		wg.Go(func() {
			for now := time.Now(); now.Sub(began) < over; {
				m, err := nc.Request(subject, body, 10*time.Second)
				if err == nil && !bytes.Equal(m.Data, body) {
					err = fmt.Errorf("the echo is %.100q", m.Data)
				}
				if err != nil {
					errs[i] = err
					return
				}
				then := time.Now()
				took[i] = append(took[i], then.Sub(now))
				now = then
			}
		})
	}
	wg.Wait()
	elapsed, cpu := time.Since(began), processorTime()-used
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	if err := errors.Join(errs...); err != nil || len(all) == 0 {
		return result{}, errors.Join(err, errors.New("the callers failed"))
	}
	at := func(q float64) float64 { return all[int(q*float64(len(all)-1))].Seconds() * 1e3 }
	return result{Calls: len(all), Seconds: elapsed.Seconds(), P50: at(0.5), P99: at(0.99), CPU: cpu.Seconds() * 1e6 / float64(len(all))}, nil
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
