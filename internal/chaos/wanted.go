package chaos

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// wanted is a task as the operator wants it, by the actions that took effect.
type wanted struct {
	id, criteria string

	turn  sync.Mutex // of actions, and of kills of its server
	mu    sync.Mutex
	state string // "", new, running, stopped, failed
	// The bundle of a signed task, and when it was revoked, if it was.
	digest  string
	revoked time.Time
	told    map[string]bool // actions that were answered as done
	busy    int             // actions that have not taken effect for certain
	// What executions there may be for: starts of the server, and kills of its
	// processes at each client.
	starts int
	kills  map[string]int
}

func (w *wanted) set(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
}

// now tells how the task is to be; false: an action is under way.
func (w *wanted) now() (state string, settled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state, w.busy == 0
}

// bundle is the digest of a signed task, and when it was revoked; zero: it was not.
func (w *wanted) bundle() (digest string, revoked time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.digest, w.revoked
}

// revoke notes that the task's bundle is revoked: its server is killed.
func (w *wanted) revoke() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.revoked = time.Now(); w.state == "running" {
		w.state = "stopped"
	}
}

// tell notes that an action was answered as done, and answered returns those.
func (w *wanted) tell(do string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told == nil {
		w.told = map[string]bool{}
	}
	w.told[do] = true
}

func (w *wanted) answered() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.told))
}

func (w *wanted) begin(by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy += by
}

// isFor tells whether the task is for a client.
func (w *wanted) isFor(client string) bool { return w.criteria == "" || client == clients[0] }
