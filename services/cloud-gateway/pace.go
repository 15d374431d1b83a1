package cloudgateway

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// paceWindow is over what time answers to polls are counted.
	paceWindow = time.Second
	// mostPace is the longest pause that clients are asked for.
	mostPace = 10 * time.Minute
)

// pace counts how fast polls are answered, to tell clients when to ask again
// while the gateway has more to do than it can.
type pace struct {
	mu    sync.Mutex
	since time.Time
	count int
	rate  float64 // answers a second in the last whole window
}

// answered counts an answer.
func (p *pace) answered(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.roll(now)
	p.count++
}

// roll begins a new window when it is time. mu is held.
func (p *pace) roll(now time.Time) {
	if past := now.Sub(p.since); past >= paceWindow {
		p.rate = float64(p.count) / past.Seconds()
		p.since, p.count = now, 0
	}
}

// round is how long it takes to answer each of n clients once, as fast as it goes
// now.
func (p *pace) round(now time.Time, n int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.roll(now)
	rate := max(p.rate, float64(p.count)/paceWindow.Seconds(), 1)
	return min(time.Duration(float64(n)/rate*float64(time.Second)), mostPace)
}

// busy tells whether the gateway has as many calls under way as it should.
func (s *Service) busy() bool { return len(s.slots) > maxCalls/8 }

// paced tells a client, in the answer to its poll, when to ask again, while the
// gateway is busy: give or take a quarter, so that those who came together do not
// come back together.
func (s *Service) paced(w http.ResponseWriter, fn string) {
	if fn != contract.RequestTasks.Name || !s.busy() {
		return
	}
	d := s.pace.round(time.Now(), s.api.Links()) * 3 / 4
	d += rand.N(d*2/3 + time.Second)
	w.Header().Set(contract.RetryHeader, strconv.FormatFloat(d.Seconds(), 'f', 3, 64))
}
