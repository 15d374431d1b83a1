package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/agata-fl/agata/internal/control"
)

// CrowdSpec is what a process with a part of the fleet is told first.
type CrowdSpec struct {
	URL      string        `json:"url"` // the cloud gateway's
	First    int           `json:"first"`
	Clients  int           `json:"clients"`
	Interval time.Duration `json:"interval"`
	Ramp     time.Duration `json:"ramp"` // within which all begin
	// Own gives each client connections of its own for polls and reports too; else
	// those of a process share its.
	Own bool `json:"own"`
	// Credentials are shown by the clients, in their order; empty: the cloud is open.
	Credentials []string `json:"credentials,omitempty"`
}

// room is how many tasks a client of the fleet runs at once.
const room = 64

// dialTime bounds a connection's making, and askTime a poll or report.
const dialTime, askTime = 10 * time.Second, 30 * time.Second

// crowd is a part of the fleet.
type crowd struct {
	spec  CrowdSpec
	links http.Client // each request a connection of its own: it is a stream
	asks  http.Client
	turn  chan struct{} // bounds the links that are being opened

	mu sync.Mutex
	tally
}

// tally is what a crowd has seen since it was last asked to forget.
type tally struct {
	Asks     []int64            `json:"asks"`     // how long each poll took, µs
	Reports  int                `json:"reports"`  // that were taken
	Failed   int                `json:"failed"`   // of polls and reports
	Why      string             `json:"why"`      // the last failure
	Breaks   int                `json:"breaks"`   // of downlinks
	Launched map[string][]int64 `json:"launched"` // by task: when each client launched it, unix µs
	Stopped  map[string]int     `json:"stopped"`  // by task: how many clients ended it
	Linked   int                `json:"linked"`   // downlinks that are open now
	Asked    int                `json:"asked"`    // clients that have been answered, ever
}

// The words of the harness to a crowd, one a line; each is answered by a line of
// JSON, a [tally]: how it stands, without the polls, or all of it, to begin anew.
const (
	wordTell   = "tell"
	wordForget = "forget"
)

// RunCrowd is the process of a crowd: it reads its [CrowdSpec] as the first line of
// in, and serves the harness until in ends.
func RunCrowd(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read what the crowd is to be: %w", err)
	}
	var spec CrowdSpec
	if err := json.Unmarshal(first, &spec); err != nil {
		return fmt.Errorf("read what the crowd is to be: %w", err)
	}
	c := newCrowd(spec)
	ctx, end := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer end()
	for i := range spec.Clients {
		m, err := newMember(c, i)
		if err != nil {
			return err
		}
		wg.Go(func() { m.run(ctx) })
	}
	enc := json.NewEncoder(out)
	for {
		word, err := lines.ReadString('\n')
		if err != nil {
			return nil // the harness is gone, or done
		}
		if err := enc.Encode(c.tell(word == wordForget+"\n")); err != nil {
			return err
		}
	}
}

func newCrowd(spec CrowdSpec) *crowd {
	c := &crowd{spec: spec, turn: make(chan struct{}, 64)}
	c.forget()
	c.links.Transport = transport(spec.Clients)
	c.asks.Transport = transport(256)
	return c
}

func transport(idle int) *http.Transport {
	return &http.Transport{
		DialContext: (&net.Dialer{Timeout: dialTime}).DialContext, DisableCompression: true,
		MaxIdleConnsPerHost: idle, IdleConnTimeout: 50 * time.Second,
		ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10, // it is small talk, and there are many
	}
}

// forget begins anew. mu is held, or not needed yet.
func (c *crowd) forget() {
	c.tally = tally{Asks: []int64{}, Launched: map[string][]int64{}, Stopped: map[string]int{}, Linked: c.Linked, Asked: c.Asked}
}

// tell returns what was seen.
func (c *crowd) tell(forget bool) tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tally
	if forget {
		c.forget()
		return t
	}
	t.Asks = nil // too much to tell all the time
	// Lists are appended to behind what is told; maps do not bear that.
	t.Launched, t.Stopped = maps.Clone(t.Launched), maps.Clone(t.Stopped)
	return t
}

// note changes the tally.
func (c *crowd) note(fn func(t *tally)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn(&c.tally)
}

// newControl is what decides for a client.
func newControl(interval time.Duration) (*control.Client, error) {
	now := time.Now()
	return control.NewClient(now, control.Options{
		Interval: interval, Room: room, Random: rand.Float64, Quarantine: control.NewQuarantine(now, time.Hour, 1, nil),
	}, control.State{})
}
