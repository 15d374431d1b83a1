package amqpx

import "testing"

func TestAlarm(t *testing.T) {
	var a alarm
	raised := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	first := a.on()
	for _, step := range []struct{ set, want bool }{{false, false}, {true, true}, {true, true}, {false, false}, {true, true}} {
		a.set(step.set)
		if got := raised(a.on()); got != step.want {
			t.Errorf("after %v it is raised: %v", step.set, got)
		}
	}
	if !raised(first) {
		t.Error("who waited before the alarm was not told")
	}
}
