package amqpx

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// A node that failed is tried after the others for a while, which doubles.
	shunFirst = time.Second
	shunCap   = time.Minute
)

// nodes are those of one broker, and what is remembered of their health. All
// sessions of a transport share it.
type nodes struct {
	list []*node

	mu  sync.Mutex
	now map[string]string // the address of the newest session, by its role
}

// node is one address of a broker.
type node struct {
	addr    string // host:port
	host    string
	strikes int       // failures in a row
	shunned time.Time // until then others come first
}

// newNodes checks addresses, each host:port.
func newNodes(addrs []string) (*nodes, error) {
	ns := &nodes{now: make(map[string]string)}
	for _, addr := range addrs {
		host, text, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, fmt.Errorf("amqpx: the broker's address %q is not host:port: %w", addr, err)
		}
		if host == "" {
			return nil, fmt.Errorf("amqpx: the broker's host is empty in %q", addr)
		}
		if port, err := strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
			return nil, fmt.Errorf("amqpx: the broker's port %s is not in 1..65535", text)
		}
		if slices.ContainsFunc(ns.list, func(n *node) bool { return n.addr == addr }) {
			return nil, fmt.Errorf("amqpx: the broker's address %s is given twice", addr)
		}
		ns.list = append(ns.list, &node{addr: addr, host: host})
	}
	return ns, nil
}

// String names all of them, as errors and metrics do.
func (ns *nodes) String() string {
	addrs := make([]string, len(ns.list))
	for i, n := range ns.list {
		addrs[i] = n.addr
	}
	return strings.Join(addrs, ",")
}

func (ns *nodes) at(role string) string {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	return ns.now[role]
}

func (ns *nodes) set(role, addr string) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.now[role] = addr
}

// order is in which order to try them: those that are well at random, so that
// services spread, then those that failed, the longest ago first.
func (ns *nodes) order() []*node {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	now, list := time.Now(), slices.Clone(ns.list)
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b *node) int {
		return cmp.Compare(max(a.shunned.Sub(now), 0), max(b.shunned.Sub(now), 0))
	})
	return list
}

// ended remembers that a node could not be had, or that a session on it ended
// after it had lasted for a while.
func (ns *nodes) ended(n *node, lasted time.Duration) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if lasted > healthyAfter {
		n.strikes = 0
	}
	n.shunned = time.Now().Add(min(shunFirst<<min(n.strikes, 16), shunCap))
	n.strikes++
}
