package clienttaskmanager_test

import (
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	clienttaskmanager "github.com/agata-fl/agata/services/client-task-manager"
)

func rarely(o *clienttaskmanager.Options) { o.Interval = time.Hour }

func (b *bench) wake(task, change string) {
	b.t.Helper()
	if _, err := rpc.Call(b.t.Context(), b.transport, contract.Wake, contract.WakeRequest{TaskID: task, Change: change}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) pollsSoFar() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.polls
}

// first waits for the poll of the start.
func (b *bench) first() {
	b.t.Helper()
	testenv.Eventually(b.t, patience, "the first poll", func() bool { return b.pollsSoFar() == 1 })
}

func TestAWakeIsAPoll(t *testing.T) {
	b := setup(t)
	b.start(rarely)
	b.first()
	b.offer(b.task("a", forever))
	b.wake("a", contract.ChangeStarted)
	b.running("a")
	if n := b.pollsSoFar(); n != 2 {
		t.Errorf("%d polls, want 2", n)
	}
}

func TestManyWakesAreFewPolls(t *testing.T) {
	b := setup(t)
	b.start(rarely)
	b.first()
	began := time.Now()
	for range 300 {
		b.wake("", "")
	}
	took := time.Since(began)
	time.Sleep(200 * time.Millisecond) // for what is still to come
	n := b.pollsSoFar() - 1
	t.Logf("300 wakes within %s led to %d polls", took, n)
	if most := int(took/(50*time.Millisecond)) + 3; n < 1 || n > most {
		t.Errorf("300 wakes within %s led to %d polls, want 1 to %d", took, n, most)
	}
	// The last of them is not forgotten.
	b.offer(b.task("a", forever))
	b.wake("", "")
	b.wake("", "")
	b.running("a")
}

// A stop by somebody is final at once; that a task is absent is not.
func TestAStopIsObeyedWithoutAPoll(t *testing.T) {
	b := setup(t)
	a, c := b.task("a", forever), b.task("c", forever)
	b.offer(a, c)
	b.start(func(o *clienttaskmanager.Options) { rarely(o); o.Policy = clienttaskmanager.PolicyAll })
	b.running("a", "c")
	b.await(2, "Started client task initialization")
	b.setAway(true) // not even a cloud that answers is needed
	b.wake("a", contract.ChangeStopped)
	b.running("c")
	time.Sleep(300 * time.Millisecond) // the last answer still offers it
	b.running("c")
	if n := b.count("Started client task initialization"); n != 2 {
		t.Errorf("%d launches, want 2", n)
	}
	// Started again, it runs again.
	b.setAway(false)
	b.wake("a", contract.ChangeStarted)
	b.running("a", "c")

	b.offer(a)
	b.wake("c", contract.ChangeEnded)
	testenv.Eventually(t, patience, "the poll", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.polls > 3 })
	b.running("a", "c") // one answer without it is no stop
}

// A stop that finds the task's launch under way ends it as well.
func TestAStopDuringTheLaunch(t *testing.T) {
	b := setup(t)
	b.start(rarely)
	b.first()
	for range 5 {
		b.offer(b.task("a", forever))
		b.wake("a", contract.ChangeStarted)
		b.offer()
		b.wake("a", contract.ChangeStopped)
		b.running()
	}
}

func TestNewFilesAreTriedAtOnce(t *testing.T) {
	b := setup(t)
	b.offer(b.task("Q", fails))
	b.start(rarely)
	b.quarantined("Q")
	b.task("Q", "# mended\n"+forever)
	b.wake("Q", contract.ChangeUpdated)
	b.running("Q")
}

func TestAReleasedTaskIsTriedAtOnce(t *testing.T) {
	b := setup(t)
	b.offer(b.task("Q", fails))
	b.start(rarely)
	b.quarantined("Q")
	if _, err := rpc.Call(t.Context(), b.transport, contract.ReleaseTask, contract.TaskIDRequest{TaskID: "Q"}); err != nil {
		t.Fatal(err)
	}
	b.await(2, "Started client")
}

// A busy cloud is left alone for as long as it wants, but for six intervals at
// most; a wake is obeyed all the same.
func TestABusyCloudIsAskedLater(t *testing.T) {
	b := setup(t)
	b.start(nil) // every 0.3 s
	later := func(seconds float64) {
		t.Helper()
		if _, err := rpc.Call(t.Context(), b.transport, contract.Wake, contract.WakeRequest{PollAfter: seconds}); err != nil {
			t.Fatal(err)
		}
		n := b.pollsSoFar()
		testenv.Eventually(t, patience, "the next poll", func() bool { return b.pollsSoFar() > n }) // from which on it counts
	}
	later(3600)
	n, began := b.pollsSoFar(), time.Now()
	testenv.Eventually(t, patience, "a poll", func() bool { return b.pollsSoFar() > n })
	if took := time.Since(began); took < 1200*time.Millisecond {
		t.Errorf("asked again after %s, six intervals are 1.8 s", took)
	}
	b.offer(b.task("a", forever))
	b.wake("a", contract.ChangeStarted)
	b.running("a")
}
