package simulation

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// small is a world that takes no longer than a moment.
func small(seed uint64) Options {
	return Options{Seed: seed, Clients: 40, Span: 8 * time.Hour, Interval: time.Minute, Faults: DefaultFaults()}
}

func run(t *testing.T, opt Options) *Report {
	t.Helper()
	r, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func right(t *testing.T, r *Report) {
	t.Helper()
	for _, v := range r.Violations {
		t.Errorf("seed %d: %s", r.Seed, v)
	}
	if r.Wrongs > int64(len(r.Violations)) {
		t.Errorf("and %d more", r.Wrongs-int64(len(r.Violations)))
	}
}

// A bad day of 300 clients: nothing goes wrong that must not.
func TestADay(t *testing.T) {
	r := run(t, Options{Seed: 1, Clients: 300, Span: 24 * time.Hour, Interval: time.Minute, Faults: DefaultFaults()})
	right(t, r)
	t.Logf("%d events, %d polls, %d executions, %d starts from disk", r.Events, r.Polls, r.Executions, r.Offline)
	for _, f := range r.Figures {
		t.Logf("%-32s %6d times, %6d clients disturbed, %v half of them, %v 99 of 100, %v all", f.Fault, f.Faults, f.Disturbed,
			f.P50.Round(time.Millisecond), f.P99.Round(time.Millisecond), f.Max.Round(time.Millisecond))
	}
	// A day that tests nothing would pass, too.
	if r.Executions < 20*r.Clients || r.Offline < 50 || r.Polls < int64(1000*r.Clients) {
		t.Errorf("little happened: %d executions, %d starts from disk, %d polls", r.Executions, r.Offline, r.Polls)
	}
	for _, name := range causeNames {
		if at := slices.IndexFunc(r.Figures, func(f Figure) bool { return f.Fault == name }); at < 0 || r.Figures[at].Disturbed == 0 {
			t.Errorf("nobody was disturbed by %q", name)
		}
	}
}

// Other seeds, other days; and clients that ask more often, or in a worse world.
func TestOtherWorlds(t *testing.T) {
	for seed := range uint64(4) {
		right(t, run(t, small(seed)))
	}
	often := small(11)
	often.Interval, often.Span = 10*time.Second, 4*time.Hour
	right(t, run(t, often))
	worse := small(12)
	worse.Faults.Lost, worse.Faults.Doubled, worse.Faults.Cut, worse.Faults.PowerLost, worse.Faults.CloudKilled = 0.05, 0.05, 0.02, 2*time.Hour, 20*time.Minute
	right(t, run(t, worse))
}

// A seed replays exactly: in one process, and in another.
func TestASeedReplays(t *testing.T) {
	first := run(t, small(7))
	if second := run(t, small(7)); second.Hash != first.Hash || second.Events != first.Events {
		t.Errorf("seed 7 gave %d events with %s, then %d with %s", first.Events, first.Hash, second.Events, second.Hash)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), replayEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != first.Hash {
		t.Errorf("another process gave %q, want %q", got, first.Hash)
	}
	if other := run(t, small(8)); other.Hash == first.Hash {
		t.Error("another seed gave the same events")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"no clients":  func(o *Options) { o.Clients = 0 },
		"too short":   func(o *Options) { o.Span = time.Hour },
		"no interval": func(o *Options) { o.Interval = 0 },
	} {
		opt := small(1)
		spoil(&opt)
		if _, err := Run(t.Context(), opt); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
