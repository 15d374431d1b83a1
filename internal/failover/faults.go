package failover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A fault breaks a node and mends it again.
type fault struct {
	name        string
	breaks      string // what testnodes does
	mends       string
	holds       time.Duration // from the one to the other
	whileBroken bool          // calls are good again before it is mended
}

// faults are those that a cluster is to outlive. A pause is longer than missing
// heartbeats, and than what the other nodes wait for it (15 s). RabbitMQ 3.10 refuses
// what goes to a queue that the paused node led, until that ends.
func faults() []fault {
	return []fault{
		{"kill", "kill", "start", 3 * time.Second, true},
		{"stop", "stop", "start", 3 * time.Second, true},
		{"drain", "drain", "revive", 3 * time.Second, true},
		{"cut", "cut", "join", 25 * time.Second, true},
		{"pause", "pause", "resume", 30 * time.Second, false},
		{"alarm", "alarm", "calm", 3 * time.Second, false},
	}
}

// Faults names what can be done to a node.
func Faults() []string {
	var names []string
	for _, f := range faults() {
		names = append(names, f.name)
	}
	return names
}

func faultOf(name string) (fault, error) {
	i := slices.IndexFunc(faults(), func(f fault) bool { return f.name == name })
	if i < 0 {
		return fault{}, fmt.Errorf("there is no fault %q; the faults are %s", name, strings.Join(Faults(), ", "))
	}
	return faults()[i], nil
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
