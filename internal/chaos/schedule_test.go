package chaos

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestScheduleFollowsFromItsSeed(t *testing.T) {
	kinds := map[string]bool{}
	for seed := range uint64(2000) {
		s := NewSchedule(seed)
		if !reflect.DeepEqual(s, NewSchedule(seed)) {
			t.Fatalf("seed %d gives two schedules", seed)
		}
		faults := 0
		for i, st := range s.Steps {
			if i > 0 && st.At < s.Steps[i-1].At {
				t.Fatalf("seed %d: step %d comes before its time", seed, i)
			}
			if st.Task > len(s.Tasks) {
				t.Fatalf("seed %d: step %+v is of a task that there is not", seed, st)
			}
			if st.Twice {
				kinds["duplicate"] = true
			}
			if !st.fault() {
				continue
			}
			faults++
			kinds[st.Kind()] = true
			if at := time.Duration(st.At); at < quietStart || at > window {
				t.Fatalf("seed %d: the fault %+v begins at %s", seed, st, at)
			}
		}
		if faults < 3 || faults > 8 {
			t.Fatalf("seed %d has %d faults", seed, faults)
		}
	}
	for _, want := range []string{"kill cloud-gateway", "kill user-manager", "kill cloud-task-manager", "kill cloud-broker", "kill client-broker",
		"kill client-gateway", "kill client-task-manager", "kill-task server", "kill-shim client", "reboot cloud", "reboot client", "kill-task client", "restart cloud-task-manager",
		"pause client-task-manager", "cut", "slow", "hold", "reset", "duplicate"} {
		if !kinds[want] {
			t.Errorf("of 2,000 schedules none has the fault %q", want)
		}
	}
	if reflect.DeepEqual(NewSchedule(1), NewSchedule(2)) {
		t.Error("two seeds give one schedule")
	}
}

func TestScheduleOfAClosedSystem(t *testing.T) {
	does := map[string]int{}
	for seed := range uint64(500) {
		open, s := NewSchedule(seed), NewSchedule(seed).closed()
		if !reflect.DeepEqual(s, NewSchedule(seed).closed()) {
			t.Fatalf("seed %d gives two schedules", seed)
		}
		rest := open.Steps
		for i, st := range s.Steps {
			if i > 0 && st.At < s.Steps[i-1].At {
				t.Fatalf("seed %d: step %d comes before its time", seed, i)
			}
			if len(rest) > 0 && st == rest[0] {
				rest = rest[1:]
				continue
			}
			if st.fault() != (st.Do == Disown) || st.fault() && !slices.Contains(clients, st.Target) || !st.fault() && (st.Task < 1 || st.Task > len(s.Tasks)) {
				t.Fatalf("seed %d: %+v", seed, st)
			}
			does[st.Do]++
		}
		if len(rest) > 0 {
			t.Fatalf("seed %d: the closed schedule lacks %+v of the open one", seed, rest)
		}
	}
	if does[Revoke] < 150 || does[Disown] < 100 || does[Start] < 75 || len(does) != 3 {
		t.Errorf("%v", does)
	}
}

func TestSpread(t *testing.T) {
	var times []time.Duration
	for i := range 200 {
		times = append(times, time.Duration(200-i)*time.Second)
	}
	want := Row{N: 200, P50: Span(100 * time.Second), P99: Span(198 * time.Second), Max: Span(200 * time.Second)}
	if got := spread(slices.Clone(times)); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := spread(nil); got != (Row{}) {
		t.Errorf("of nothing: %+v", got)
	}
	if got := spread([]time.Duration{time.Second}); got != (Row{1, Span(time.Second), Span(time.Second), Span(time.Second)}) {
		t.Errorf("of one: %+v", got)
	}
}

func TestParseNode(t *testing.T) {
	if n, err := ParseNode("5672,15672"); n != (Node{5672, 15672}) || err != nil {
		t.Errorf("%+v, %v", n, err)
	}
	for _, bad := range []string{"", "5672", "a,b", "5672,", "0,1", "1,2,3"} {
		if _, err := ParseNode(bad); err == nil {
			t.Errorf("%q is taken for a node", bad)
		}
	}
}
