package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// server averages its clients' models, weighted by their examples.
type server struct {
	rounds, minClients, patience int
	minAccuracy                  float64
	roundTimeout                 time.Duration
	pause                        time.Duration // after each round
	report                       func(round int, accuracy, loss float64)

	mu      sync.Mutex // guards clients
	clients []*peer
	joined  chan struct{} // holds a token when clients have been added
}

// errLowAccuracy says that the model does not learn.
var errLowAccuracy = errors.New("accuracy stays low")

// run trains over the clients that come to listener. Before it lets them go it
// calls settle with the outcome: a released client asks for work at once, and the
// platform should know by then that this task is over. It owns the listener.
func (s *server) run(listener net.Listener, settle func(error)) error {
	s.joined = make(chan struct{}, 1)
	var greeting sync.WaitGroup
	greeting.Go(func() { s.accept(listener, &greeting) })
	err := s.train()
	settle(err)
	listener.Close()
	greeting.Wait() // so that nobody joins after the last is let go
	for _, c := range s.clients {
		_ = c.send(order{Do: "leave"}, time.Second) // one that is gone needs no leave
		c.conn.Close()
	}
	return err
}

// accept greets clients until the listener is closed.
func (s *server) accept(listener net.Listener, greeting *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		greeting.Go(func() {
			var who hello
			p := newPeer(conn)
			if err := p.receive(&who, 2*time.Second); err != nil { // a port scan, say
				conn.Close()
				return
			}
			p.partition = who.Partition
			s.mu.Lock()
			s.clients = append(s.clients, p)
			s.mu.Unlock()
			select {
			case s.joined <- struct{}{}:
			default:
			}
		})
	}
}

func (s *server) train() error {
	w := make(weights, classes*row)
	best := 0.0
	for round := 1; round <= s.rounds; {
		s.await()
		fits := s.ask(order{Do: "fit", Round: round, Weights: w})
		mean, ok := average(fits)
		if !ok {
			continue // every client is gone: the round waits for new ones
		}
		accuracy, loss, ok := meanResult(s.ask(order{Do: "evaluate", Round: round, Weights: mean}))
		if !ok {
			continue
		}
		w, best = mean, max(best, accuracy)
		s.report(round, accuracy, loss)
		if round >= s.patience && best < s.minAccuracy {
			return fmt.Errorf("%w: %.4f at best in %d rounds, %g is wanted", errLowAccuracy, best, round, s.minAccuracy)
		}
		time.Sleep(s.pause)
		round++
	}
	return nil
}

// await blocks until enough clients are there. It has no deadline of its own:
// how long a task may wait for clients is the operator's to say, by stopping it.
func (s *server) await() {
	for {
		s.mu.Lock()
		n := len(s.clients)
		s.mu.Unlock()
		if n >= s.minClients {
			return
		}
		<-s.joined
	}
}

// ask gives an order to all clients at once and returns the answers, in the
// order of partitions. Clients that do not answer are dropped.
func (s *server) ask(o order) []result {
	s.mu.Lock()
	asked := slices.Clone(s.clients)
	s.mu.Unlock()
	slices.SortStableFunc(asked, func(a, b *peer) int { return cmp.Compare(a.partition, b.partition) })
	answers := make([]result, len(asked))
	failed := make([]bool, len(asked))
	var all sync.WaitGroup
	for i, p := range asked {
		all.Go(func() {
			err := p.send(o, s.roundTimeout)
			if err == nil {
				err = p.receive(&answers[i], s.roundTimeout)
			}
			failed[i] = err != nil || answers[i].Examples <= 0 ||
				(o.Do == "fit" && len(answers[i].Weights) != len(o.Weights))
		})
	}
	all.Wait()
	var good []result
	for i, p := range asked {
		if failed[i] {
			s.drop(p)
		} else {
			good = append(good, answers[i])
		}
	}
	return good
}

func (s *server) drop(p *peer) {
	p.conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = slices.DeleteFunc(s.clients, func(c *peer) bool { return c == p })
}

// average returns the mean of the models, false if there is none.
func average(fits []result) (weights, bool) {
	if len(fits) == 0 {
		return nil, false
	}
	mean, examples := make(weights, classes*row), 0
	for _, f := range fits {
		examples += f.Examples
		for i, v := range f.Weights {
			mean[i] += float64(f.Examples) * v
		}
	}
	for i := range mean {
		mean[i] /= float64(examples)
	}
	return mean, true
}

// meanResult is what the model gives over all clients' data, false without any.
func meanResult(results []result) (accuracy, loss float64, ok bool) {
	examples := 0
	for _, r := range results {
		accuracy += float64(r.Examples) * r.Accuracy
		loss += float64(r.Examples) * r.Loss
		examples += r.Examples
	}
	n := float64(max(examples, 1))
	return accuracy / n, loss / n, examples > 0
}
