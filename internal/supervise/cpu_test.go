package supervise

import (
	"testing"
	"time"
)

func TestCPU(t *testing.T) {
	m := newManager(t)
	idle := start(t, m, Spec{ID: "idle", Argv: []string{"sleep", "60"}})
	// The one that works is a grandchild in a session of its own.
	busy := start(t, m, Spec{ID: "busy", Argv: sh(`setsid sh -c 'while :; do :; done' & sleep 60`)})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		used, known := busy.CPU()
		if known && used >= 200*time.Millisecond {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it used %s, %t", used, known)
		}
	}
	if used, known := idle.CPU(); !known || used > 100*time.Millisecond {
		t.Errorf("one that sleeps used %s, %t", used, known)
	}
	waitStopped(t, busy)
	if used, known := busy.CPU(); known || used != 0 {
		t.Errorf("one that has ended uses %s", used)
	}
}
