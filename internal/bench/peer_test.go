package bench

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The NATS peer is a module of its own: this is what builds it.
func TestTheNATSPeerCalls(t *testing.T) {
	program := filepath.Join(t.TempDir(), "nats-peer")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "../../experiments/nats-peer"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the peer: %v\n%s", err, out)
	}
	p, err := startPeer("the NATS peer", exec.CommandContext(t.Context(), program))
	if err != nil {
		t.Fatal(err)
	}
	for _, callers := range []int{1, 8} {
		r, err := p.measure("", callers, 200*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range r.Values {
			if v.Value <= 0 {
				t.Errorf("%d callers: %s is %g %s", callers, v.Name, v.Value, v.Unit)
			}
		}
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

func TestAPeerThatEndsIsNamed(t *testing.T) {
	p, err := startPeer("the odd peer", exec.CommandContext(t.Context(), "sh", "-c", "read order; echo nonsense"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `the odd peer answered "nonsense\n": invalid character 'o' in literal null (expecting 'u')`
	if _, err := p.measure("", 1, time.Second); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}
