package api

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// maxNews bounds the tasks that wait to be told on a link; with more the client
	// is woken without a word of which.
	maxNews = 64
	// maxRecent bounds the changes that a client which comes back is told of.
	maxRecent = 1000
)

// links are the downlinks that are open, and where in the feed of changes they are.
type links struct {
	ready chan struct{} // has room for one: somebody is in the queue

	mu       sync.Mutex
	byClient map[string]*link
	feed     string // "" before it is known
	seq      int64
	recent   []change // the last ones, without whom they concern
	queue    []*link  // that wait for their turn to be woken
}

// change is one of a task, and by when it happened.
type change struct {
	contract.TaskChange
	at time.Time
}

// link is one client's. Its fields are the links', but for the first ones, which
// do not change.
type link struct {
	client   string
	signal   chan struct{} // has room for one: there is something to take
	replaced chan struct{} // closed when the client has a newer one

	last   string            // where the client was, until it is known what it missed
	look   bool              // commands may wait
	wake   bool              // it is to be woken, without a word
	news   map[string]change // the latest of each task
	queued bool
	turn   bool // it may take what it is woken for
	gone   bool
}

// Links is how many clients have a downlink.
func (a *API) Links() int { return len(a.linked) }

func newLinks() *links {
	return &links{ready: make(chan struct{}, 1), byClient: map[string]*link{}}
}

// open makes a client's link, and ends its older one.
func (ls *links) open(client, last string) *link {
	l := &link{client: client, last: last, look: true, signal: make(chan struct{}, 1), replaced: make(chan struct{})}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if old := ls.byClient[client]; old != nil {
		close(old.replaced)
	}
	ls.byClient[client] = l
	ls.resume(l)
	return l
}

// looked notes that a link looks for commands now.
func (ls *links) looked(l *link) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l.look = false
}

func (ls *links) close(l *link) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l.gone = true
	if ls.byClient[l.client] == l {
		delete(ls.byClient, l.client)
	}
}

// place is where a link is, "" if that is not to be told, and after how long a
// client is to come back.
func (ls *links) place(l *link) (id string, retry time.Duration) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	retry = min(max(time.Duration(len(ls.byClient))*time.Second/returnRate, leastRetry), mostRetry)
	return ls.id(l), retry
}

// id names the place; one whose client still has to be told something has none.
// mu is held.
func (ls *links) id(l *link) string {
	if ls.feed == "" || l.last != "" || l.queued || l.turn {
		return ""
	}
	return ls.feed + "." + strconv.FormatInt(ls.seq, 10)
}

// take returns what a link has to bring now, and the place behind it.
func (ls *links) take(l *link) (wakes []contract.Command, look bool, id string) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	look, l.look = l.look, false
	if l.turn {
		for _, c := range l.news {
			wakes = append(wakes, contract.Command{Kind: contract.CommandWake, Task: c.Task, Change: c.Change, Execution: c.Execution, Age: time.Since(c.at).Seconds()})
		}
		if l.wake {
			wakes = append(wakes, contract.Command{Kind: contract.CommandWake})
		}
		l.turn, l.wake, l.news = false, false, nil
	}
	return wakes, look, ls.id(l)
}

// apply takes in what the feed brought.
func (ls *links) apply(answer contract.Changes) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	first := ls.feed == ""
	if ls.feed != answer.Feed {
		ls.feed, ls.recent = answer.Feed, nil
	}
	ls.seq = answer.Next
	now := time.Now()
	for _, c := range answer.Changes {
		c := change{c, c.At(now)}
		if c.All {
			for _, l := range ls.byClient {
				ls.tell(l, c)
			}
		}
		for _, id := range c.Clients {
			if l := ls.byClient[id]; l != nil {
				ls.tell(l, c)
			}
		}
		c.Clients = nil
		ls.recent = append(ls.recent, c)
	}
	ls.recent = ls.recent[max(0, len(ls.recent)-maxRecent):]
	for _, l := range ls.byClient {
		if first {
			ls.resume(l)
		} else if answer.Missed {
			ls.rouse(l)
		}
	}
}

// resume finds out what a client missed that was at l.last. Whom that concerned is
// not known any more: a client is told of all, and asks once. mu is held.
func (ls *links) resume(l *link) {
	if l.last == "" || ls.feed == "" {
		return
	}
	at := strings.LastIndexByte(l.last, '.')
	after, err := strconv.ParseInt(l.last[at+1:], 10, 64)
	known := err == nil && at >= 0 && l.last[:at] == ls.feed
	l.last = ""
	switch {
	case known && after == ls.seq:
	case known && after < ls.seq && len(ls.recent) > 0 && ls.recent[0].Seq <= after+1:
		for _, c := range ls.recent {
			if c.Seq > after {
				ls.tell(l, c)
			}
		}
	default:
		ls.rouse(l)
	}
}

// tell puts a change on a link; of each task only the latest counts. mu is held.
func (ls *links) tell(l *link, c change) {
	if _, known := l.news[c.Task]; !known && len(l.news) >= maxNews {
		ls.rouse(l)
		return
	}
	if l.news == nil {
		l.news = map[string]change{}
	}
	l.news[c.Task] = c
	ls.enqueue(l)
}

// rouse wakes a client without a word. mu is held.
func (ls *links) rouse(l *link) {
	l.wake = true
	ls.enqueue(l)
}

func (ls *links) enqueue(l *link) {
	if l.queued {
		return
	}
	l.queued = true
	ls.queue = append(ls.queue, l)
	poke(ls.ready)
}

// release lets the first n of the queue take what they are woken for, and returns
// how many there were.
func (ls *links) release(n int) (released int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for released < n && len(ls.queue) > 0 {
		l := ls.queue[0]
		ls.queue = ls.queue[1:]
		if l.queued = false; l.gone {
			continue
		}
		l.turn = true
		poke(l.signal)
		released++
	}
	if len(ls.queue) == 0 {
		ls.queue = nil
	}
	return released
}

// nudge makes a client's link look for commands; false if there is none.
func (ls *links) nudge(client string) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.byClient[client]
	if l != nil {
		l.look = true
		poke(l.signal)
	}
	return l != nil
}

// clients lists those that have a link.
func (ls *links) clients() []string {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return slices.Collect(maps.Keys(ls.byClient))
}

// poke puts a token where there is room for one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
