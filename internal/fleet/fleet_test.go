package fleet

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSpread(t *testing.T) {
	us := make([]int64, 100)
	for i := range us {
		us[i] = int64(100-i) * 1000
	}
	if got, want := spread(us), (Spread{N: 100, P50: 50, P90: 90, P99: 99, Max: 100}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := spread(nil); got != (Spread{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestUsage(t *testing.T) {
	before, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
	}
	after, err := usageOf(os.Getpid())
	if err != nil || after.CPU < before.CPU || after.RSS < 1<<20 || after.Peak < before.Peak {
		t.Errorf("before %+v, after %+v, %v", before, after, err)
	}
	if _, err := usageOf(-1); err == nil {
		t.Error("no process has a usage")
	}
}

// Selection offers each client what fits it, and asks no more of memory than the
// lists that it makes.
func TestSelection(t *testing.T) {
	r, err := Selection(t.Context(), 100, 50)
	if err != nil {
		t.Fatal(err)
	}
	if r.Offered < 50*10 || r.Offered >= 50*90 || r.PerPoll.P50 <= 0 || r.PerStart <= 0 {
		t.Errorf("got %+v", r)
	}
	if _, err := Selection(t.Context(), 0, 1); err == nil {
		t.Error("nothing is no selection")
	}
}

func TestRunRefusesNonsense(t *testing.T) {
	good := Options{Clients: 1, Interval: time.Second, Duration: time.Second}
	for name, change := range map[string]func(*Options){
		"no clients":     func(o *Options) { o.Clients = 0 },
		"too many":       func(o *Options) { o.Clients = 200_000 },
		"no interval":    func(o *Options) { o.Interval = 0 },
		"short":          func(o *Options) { o.Duration = time.Millisecond },
		"too many tasks": func(o *Options) { o.Tasks = room },
	} {
		opt := good
		change(&opt)
		if _, err := Run(t.Context(), opt); err == nil {
			t.Errorf("%s: it ran", name)
		}
	}
}
