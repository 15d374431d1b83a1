package chaos

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
)

// campaignOf is a short campaign, with more patience than a bench has: the machine
// may be busy with anything.
func campaignOf(t *testing.T, runs int) Options {
	return Options{Binary: built.Path(t), Python: "python3", Dir: t.TempDir(), Seed: 1, Runs: runs, Parallel: 2, Bound: 2 * time.Minute}
}

func play(t *testing.T, opt Options) *Report {
	t.Helper()
	r, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d schedules in %s: %d faults, %d rounds told, %d lost as stated", r.Runs, time.Duration(r.Wall), r.Faults, r.Rounds, r.Excused)
	return r
}

func holds(t *testing.T, r *Report) {
	t.Helper()
	for _, v := range r.Violations {
		t.Errorf("seed %d at %s: %s: %s\n%q\n%q", v.Seed, time.Duration(v.At), v.Invariant, v.What, v.Schedule, v.State)
	}
	if r.Faults == 0 || r.Rounds == 0 {
		t.Errorf("%d faults, %d rounds: nothing was tried", r.Faults, r.Rounds)
	}
}

func TestChaosOnEmbeddedBrokers(t *testing.T) { holds(t, play(t, campaignOf(t, 2))) }

// Credentials, seals, certificates and signatures, and the revocation of two of them.
func TestChaosOfAClosedSystem(t *testing.T) {
	t.Parallel()
	opt := campaignOf(t, 2)
	opt.Closed, opt.Seed = true, closedSeed(t, 2)
	r := play(t, opt)
	holds(t, r)
	t.Logf("%d bundles were revoked with nothing broken, all of each was gone after %s at most; %d times a stranger was turned away",
		r.Revoked.N, time.Duration(r.Revoked.Max), r.Knocks)
	if r.Revoked.N == 0 || r.Knocks == 0 {
		t.Errorf("%d revocations, %d refusals: nothing was tried", r.Revoked.N, r.Knocks)
	}
}

// closedSeed is the first one from which so many schedules on revoke a bundle and a
// credential while other things break.
func closedSeed(t *testing.T, runs uint64) uint64 {
	t.Helper()
	for seed := range uint64(1000) {
		does := map[string]bool{}
		for n := range runs {
			for _, step := range NewSchedule(seed + n).closed().Steps {
				does[step.Do] = true
			}
		}
		if does[Revoke] && does[Disown] {
			return seed
		}
	}
	t.Fatal("no schedule revokes anything")
	return 0
}

// A gateway that asks for no certificate is found out.
func TestAnOpenDoorIsFound(t *testing.T) {
	t.Parallel()
	opt := campaignOf(t, 1)
	opt.Closed, opt.Settings = true, map[string]string{"tls.require_client_cert": "false"}
	r := play(t, opt)
	if !slices.ContainsFunc(r.Violations, func(v Violation) bool { return v.Invariant == KeepsOut && strings.Contains(v.What, "certificate") }) {
		t.Errorf("violations: %+v", r.Violations)
	}
}

func TestChaosOnRabbitMQ(t *testing.T) {
	one, two := testenv.RabbitMQ(t), testenv.RabbitMQ2(t) // also skips without them
	opt := campaignOf(t, 2)
	opt.Broker = RabbitMQ
	for variable, n := range map[string]*testenv.Node{testenv.RabbitMQVar: one, testenv.RabbitMQ2Var: two} {
		node, err := ParseNode(os.Getenv(variable))
		if err != nil || node.AMQP != n.Port {
			t.Fatalf("%s: %+v, %v", variable, node, err)
		}
		opt.Nodes = append(opt.Nodes, node)
	}
	holds(t, play(t, opt))
}

// A system that tells its history nothing does not pass.
func TestWhatIsNotToldIsMissed(t *testing.T) {
	t.Parallel()
	opt := campaignOf(t, 1)
	opt.Settings = map[string]string{"history.records": "false"}
	opt.Bound = 3 * time.Second
	r := play(t, opt)
	if !slices.ContainsFunc(r.Violations, func(v Violation) bool { return v.Invariant == Converges }) {
		t.Errorf("violations: %+v", r.Violations)
	}
}

func TestTaskFaults(t *testing.T) {
	r, err := Faults(t.Context(), campaignOf(t, 18))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Error(p)
	}
	all := r.Kinds[len(r.Kinds)-1]
	t.Logf("%d faults in %s, the next task after %s (p50), %s (p99)", r.Runs, time.Duration(r.Wall), time.Duration(all.Next.P50), time.Duration(all.Next.P99))
	if all.N != 18 || all.Noticed != 18 || all.Wrong != 0 || len(r.Kinds) < 8 {
		t.Errorf("%+v", r.Kinds)
	}
}
