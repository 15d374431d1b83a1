package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// errUnreachable says that the server does not answer, or no longer does. It is
// no fault of the task: trying again later is right.
var errUnreachable = errors.New("the server is out of reach")

// errTold is the failure that the argument test-error asks for.
var errTold = errors.New("this client was told to fail (test-error)")

// client trains on its own share of the data.
type client struct {
	server          string        // host:port
	wait            time.Duration // for the server to listen
	seed            uint64
	partition, of   int
	epochs          int
	learningRate    float64
	shuffled, fault bool
	report          func(round int, accuracy, loss float64) // of its own data
}

// run answers the server's orders until it is let go.
func (c *client) run() error {
	if c.fault {
		return errTold
	}
	train, test := synthetic(c.seed, c.partition, c.of, c.shuffled)
	if len(test) == 0 {
		return fmt.Errorf("partition %d of %d has too few of the %d samples", c.partition, c.of, samples)
	}
	conn, err := dial(c.server, c.wait)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	defer conn.Close()
	server := newPeer(conn)
	if err := server.send(hello{c.partition}, 10*time.Second); err != nil {
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	for {
		var o order
		// The server may wait for other clients for long; a dead one closes the connection.
		if err := server.receive(&o, 0); err != nil {
			return fmt.Errorf("%w: %w", errUnreachable, err)
		}
		if o.Do != "leave" && len(o.Weights) != classes*row {
			return fmt.Errorf("the server's model has %d weights, not %d", len(o.Weights), classes*row)
		}
		var answer result
		switch o.Do {
		case "leave":
			return nil
		case "fit":
			rng := rand.New(rand.NewPCG(c.seed, uint64(c.partition)<<32|uint64(o.Round)))
			answer = result{Examples: len(train), Weights: o.Weights.train(train, c.epochs, c.learningRate, rng)}
		case "evaluate":
			accuracy, loss := o.Weights.test(test)
			c.report(o.Round, accuracy, loss)
			answer = result{Examples: len(test), Accuracy: accuracy, Loss: loss}
		default:
			return fmt.Errorf("the server asks for %q, which this client does not know", o.Do)
		}
		if err := server.send(answer, 10*time.Second); err != nil {
			return fmt.Errorf("%w: %w", errUnreachable, err)
		}
	}
}

// dial connects, trying again for up to wait.
func dial(address string, wait time.Duration) (net.Conn, error) {
	deadline, pause := time.Now().Add(wait), 20*time.Millisecond
	for {
		conn, err := net.DialTimeout("tcp", address, 2*time.Second)
		if err == nil || time.Now().Add(pause).After(deadline) {
			return conn, err
		}
		time.Sleep(pause)
		pause = min(2*pause, time.Second)
	}
}
