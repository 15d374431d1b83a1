package bench

import (
	"os"
	"slices"
	"testing"

	"github.com/agata-fl/agata/internal/testenv"
)

// mayBeZero are the units of what a short round may have none of.
var mayBeZero = []string{"calls", "KiB", "%"}

// figuresOf checks that a result has all that a reader expects: figures of every
// round, more than zero unless they count what must not be.
func figuresOf(t *testing.T, e *Env, r Result) {
	t.Helper()
	if len(r.Groups) == 0 || r.About == "" || len(r.Goals) == 0 {
		t.Fatalf("%d groups, %d goals, about %q", len(r.Groups), len(r.Goals), r.About)
	}
	for _, g := range r.Groups {
		for _, v := range g.Variants {
			if v.LeftOut == "" && len(v.Figures)+len(v.Spreads) == 0 {
				t.Errorf("%s, %s: nothing was measured", g.Name, v.Name)
			}
			for _, f := range v.Figures {
				if len(f.Rounds) != e.Rounds || f.Unit == "" || f.Median <= 0 && !slices.Contains(mayBeZero, f.Unit) {
					t.Errorf("%s, %s: %+v", g.Name, v.Name, f)
				}
			}
			for _, s := range v.Spreads {
				if s.N == 0 || s.P50 <= 0 || s.Max < s.P99 || s.P99 < s.P50 {
					t.Errorf("%s, %s: %+v", g.Name, v.Name, s)
				}
			}
		}
	}
	for _, g := range r.Goals {
		if g.Missing != "" && os.Getenv(testenv.PythonVar) != "" {
			t.Errorf("%s: %s", g.What, g.Missing)
		}
	}
}

// Every bench runs through, and has its figures. None of them must be good here.
func TestBenches(t *testing.T) {
	for _, b := range All() {
		t.Run(b.Name, func(t *testing.T) {
			e := short(t)
			e.PikaPython = os.Getenv(testenv.PythonVar)
			r, err := Run(t.Context(), e, []string{"agata", "bench", b.Name}, b)
			if err != nil {
				t.Fatal(err)
			}
			figuresOf(t, e, r.Results[0])
		})
	}
}

func TestBenchesOnRabbitMQ(t *testing.T) {
	b := rabbit(t)
	for _, name := range []string{"rpc", "recovery", "failover"} {
		t.Run(name, func(t *testing.T) {
			e := short(t, b)
			e.PikaPython = testenv.Python(t)
			bench, _ := Find(name)
			r, err := bench.Run(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			figuresOf(t, e, r)
		})
	}
}

func TestBrokersAreChecked(t *testing.T) {
	for _, address := range []string{"", "rabbit", "http://127.0.0.1", "amqp://127.0.0.1:1"} {
		if b, err := NewBroker(t.Context(), address, ""); err == nil {
			t.Errorf("%q is %+v", address, b)
		}
	}
}
