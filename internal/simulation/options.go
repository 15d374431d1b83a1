package simulation

import (
	"errors"
	"time"
)

// Options say what world to run.
type Options struct {
	Seed     uint64
	Clients  int
	Span     time.Duration // simulated; its last hour is calm: no more faults, no operators
	Interval time.Duration // between two polls of a client
	Faults   Faults
}

// Faults say how often things go wrong. Times are means.
type Faults struct {
	ManagerKilled time.Duration // of one client: kill -9 of its manager
	PowerLost     time.Duration // of one client: its machine restarts, often without a network
	Parted        time.Duration // of one client: its network is gone for seconds to an hour
	ManyParted    time.Duration // a tenth of the clients at once
	CloudKilled   time.Duration // kill -9 of the cloud's services
	CloudPower    time.Duration // the cloud's machine restarts
	Operator      time.Duration // somebody changes something
	Lost          float64       // share of messages that are lost
	Doubled       float64       // and that come twice
	Cut           float64       // share of the steps between which a manager is killed
}

// DefaultFaults make a bad day: every client's manager is killed twice, its machine
// restarts once, it is cut off four times.
func DefaultFaults() Faults {
	return Faults{
		ManagerKilled: 12 * time.Hour, PowerLost: 24 * time.Hour, Parted: 6 * time.Hour, ManyParted: 4 * time.Hour,
		CloudKilled: 2 * time.Hour, CloudPower: 10 * time.Hour, Operator: 4 * time.Minute,
		Lost: 0.005, Doubled: 0.005, Cut: 0.002,
	}
}

// calm is how long the end of a run is without faults.
const calm = time.Hour

func (o *Options) validate() error {
	switch {
	case o.Clients < 1 || o.Clients > 1_000_000:
		return errors.New("simulation: the number of clients must lie between 1 and 1,000,000")
	case o.Span < 2*calm:
		return errors.New("simulation: the simulated time must be 2 hours at least")
	case o.Interval < time.Second || o.Interval > 10*time.Minute:
		return errors.New("simulation: the interval must lie between a second and 10 minutes")
	}
	return nil
}
