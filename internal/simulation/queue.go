package simulation

import "time"

// kind is what happens in an event.
type kind uint8

const (
	// At a client.
	evTick      kind = iota // the manager's timer
	evRequest               // a poll is at the cloud
	evAnswer                // its answer is at the client
	evSilence               // it has had none for too long
	evFetched               // a launch has its files
	evSpawned               // its process is there
	evLaunched              // and the manager's loop knows it
	evExit                  // a process ends
	evNoticed               // its watch sees the end
	evTold                  // has told the history of it, and marked it
	evSettled               // and the loop knows it
	evStall                 // a watch looks whether a process goes on
	evManagerUp             // a manager starts
	evPower                 // a machine has started
	evHeal                  // a client's network is back
	evReport                // a client's gateway sends what waits
	evStored                // the cloud has stored it
	evConfirmed             // and the gateway knows
	evWake                  // the cloud has news for a client
	evFree                  // a client that had room a while ago must have used it
	evDisk                  // a client without a network must have started from disk

	// At the cloud.
	evServerExit // a task's server ends
	evServerSeen // its manager sees it
	evCloudUp

	// Of the world.
	evOperator
	evFault
	evMinute
)

// event is one thing that happens. Who it happens to, and what it is about, depend
// on its kind; life is the incarnation that it is meant for.
type event struct {
	at   time.Duration // since the beginning
	seq  uint64
	arg  int64
	who  int32
	life uint32
	kind kind
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// queue is a heap of four children a node: events by time, then by birth.
type queue struct {
	heap []event
	born uint64
}

func (q *queue) push(e event) {
	q.born++
	e.seq = q.born
	q.heap = append(q.heap, e)
	at := len(q.heap) - 1
	for at > 0 {
		up := (at - 1) / 4
		if !e.before(&q.heap[up]) {
			break
		}
		q.heap[at] = q.heap[up]
		at = up
	}
	q.heap[at] = e
}

// pop takes the next event; there must be one.
func (q *queue) pop() event {
	first := q.heap[0]
	last := q.heap[len(q.heap)-1]
	q.heap = q.heap[:len(q.heap)-1]
	if len(q.heap) == 0 {
		return first
	}
	at := 0
	for {
		least := 4*at + 1
		if least >= len(q.heap) {
			break
		}
		for child := least + 1; child < min(4*at+5, len(q.heap)); child++ {
			if q.heap[child].before(&q.heap[least]) {
				least = child
			}
		}
		if !q.heap[least].before(&last) {
			break
		}
		q.heap[at] = q.heap[least]
		at = least
	}
	q.heap[at] = last
	return first
}
