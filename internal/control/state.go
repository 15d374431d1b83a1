package control

import (
	"maps"
	"slices"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

// State is what a [Client] must know after a restart, beside its quarantine: a
// client that starts without a network goes by it.
type State struct {
	Heard    time.Time            `json:"heard"`    // when the cloud gave the offers
	Offers   []Offered            `json:"offers"`   // in the cloud's order
	Running  []string             `json:"running"`  // tasks that ran, and are to run; sorted
	Finished map[string]time.Time `json:"finished"` // by task: not again before
}

// Offered is what is kept of an offer: what it takes to start the task from the
// files that are there. The password is not, nor any other secret: a start from
// disk downloads nothing.
type Offered struct {
	ID              string   `json:"id"`
	Host            string   `json:"host"`
	Port            int      `json:"port"`
	Tags            []string `json:"tags,omitempty"`
	ClientArguments *string  `json:"client_arguments,omitempty"`
	FilesPaths      []string `json:"files_paths"`
}

func keep(t contract.OfferedTask) Offered {
	return Offered{ID: t.ID, Host: t.Host, Port: t.Port, Tags: t.Tags, ClientArguments: t.ClientArguments, FilesPaths: t.FilesPaths}
}

func (o Offered) task() contract.OfferedTask {
	return contract.OfferedTask{ID: o.ID, Host: o.Host, Port: o.Port, Tags: o.Tags, ClientArguments: o.ClientArguments, FilesPaths: o.FilesPaths}
}

// heardEvery is how old what is on disk may tell the last answer to be, when
// nothing else has changed.
const heardEvery = time.Hour

// State returns what a restart must find.
func (c *Client) State() State {
	s := State{Heard: c.heard, Offers: make([]Offered, len(c.offered)), Running: []string{}, Finished: map[string]time.Time{}}
	for i, t := range c.offered {
		s.Offers[i] = keep(t)
	}
	for _, id := range slices.Sorted(maps.Keys(c.tasks)) {
		t := c.tasks[id]
		if t.wanted {
			s.Running = append(s.Running, id)
		}
		if !t.settled.IsZero() {
			s.Finished[id] = t.settled
		}
	}
	return s
}

// Unsaved tells, once, that State has to be saved. It is to be on disk before the
// actions are carried out.
func (c *Client) Unsaved() bool {
	if !c.changed && c.heard.Sub(c.saved) < heardEvery {
		return false
	}
	c.changed, c.saved = false, c.heard
	return true
}

// restore goes on from what an earlier client has left.
func (c *Client) restore(now time.Time, s State) {
	c.heard, c.saved, c.restored = s.Heard, s.Heard, true
	for _, o := range s.Offers {
		c.offered = append(c.offered, o.task())
	}
	for _, id := range s.Running {
		c.task(id).wanted = true
	}
	latest := now.Add(c.settle()) // the clock may have gone back meanwhile
	for id, until := range s.Finished {
		if until.After(latest) {
			until = latest
		}
		c.task(id).settled = until
	}
}

// sameOffers compares what is kept of offers.
func sameOffers(a, b []contract.OfferedTask) bool {
	return slices.EqualFunc(a, b, func(a, b contract.OfferedTask) bool {
		return a.ID == b.ID && a.Host == b.Host && a.Port == b.Port && sameText(a.ClientArguments, b.ClientArguments) &&
			slices.Equal(a.FilesPaths, b.FilesPaths) && slices.Equal(a.Tags, b.Tags)
	})
}

func sameText(a, b *string) bool {
	return a == b || a != nil && b != nil && *a == *b
}
