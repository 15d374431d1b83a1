package experiment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/contract"
)

// writer logs progress.
type writer struct{ t *testing.T }

func (w writer) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// TestExperiments runs each with real Flower and asks for every figure, and that
// no process is left.
func TestExperiments(t *testing.T) {
	python := testenv.Python(t)
	for _, tc := range []struct {
		n      int
		rabbit bool
	}{{1, false}, {2, false}, {3, false}, {1, true}, {2, true}} {
		t.Run(fmt.Sprintf("%d rabbit=%t", tc.n, tc.rabbit), func(t *testing.T) {
			var out bytes.Buffer
			opt := Options{Dir: t.TempDir(), Python: python, People: writer{t}, Out: &out, JSON: true}
			if tc.rabbit {
				opt.CloudBroker, opt.ClientBroker = node(t, testenv.RabbitMQ(t)), node(t, testenv.RabbitMQ2(t))
			}
			if err := Run(t.Context(), tc.n, opt); err != nil {
				t.Fatal(err)
			}
			var report struct {
				Figures []row `json:"figures"`
			}
			if err := json.Unmarshal(out.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			if want := len(stories[tc.n].steps()); len(report.Figures) != want {
				t.Errorf("%d figures, want %d", len(report.Figures), want)
			}
			for _, f := range report.Figures {
				if f.Mean <= 0 || f.Mean > 60 {
					t.Errorf("%s: %f s", f.Figure, f.Mean)
				}
				t.Logf("%-60s %8.4f s", f.Figure, f.Mean)
			}
			events, err := timeline.ReadFile(filepath.Join(opt.Dir, "events.json"))
			if err != nil || len(events) < 50 {
				t.Errorf("events.json holds %d events, %v", len(events), err)
			}
			if raw, err := os.ReadFile(filepath.Join(opt.Dir, fmt.Sprintf("exp%d_raw_times", tc.n))); err != nil || strings.Count(string(raw), " seconds\n") != len(report.Figures) {
				t.Errorf("the raw times are %q, %v", raw, err)
			}
			nothingLeft(t)
		})
	}
}

// TestDemo runs the demonstration with the Go task, which needs nothing but a
// Go toolchain.
func TestDemo(t *testing.T) {
	binary := buildGoTask(t)
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "demo")
	if err := Demo(t.Context(), Options{Dir: dir, Python: "no-python-here", GoTask: binary, People: writer{t}, Out: &out}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Started handling error from task gofedavg-long", "Finished handling task gofedavg-next finalization", "round 5 accuracy"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demonstration did not show %q", want)
		}
	}
	nothingLeft(t)
}

func TestRunRefusesAnUnknownExperiment(t *testing.T) {
	if err := Run(t.Context(), 4, Options{}); err == nil {
		t.Error("experiment 4 was accepted")
	}
}

// node is host:port of a node, whose queues are deleted after the test: others
// declare theirs differently.
func node(t *testing.T, n *testenv.Node) string {
	t.Helper()
	t.Cleanup(func() {
		conn, err := amqp.Dial(n.DefaultURL)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, q := range append(contract.Functions(), contract.EventsQueue, contract.RecordsQueue) {
			ch, err := conn.Channel()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ch.QueueDelete(q, false, false, false); err != nil {
				t.Error(err)
			}
		}
	})
	return net.JoinHostPort(n.Host, strconv.Itoa(n.Port))
}

// nothingLeft checks that no task process of this test runs: each carries the
// lab's folder in its environment.
func nothingLeft(t *testing.T) {
	t.Helper()
	testenv.Eventually(t, 10*time.Second, "every process of the experiment is gone", func() bool {
		files, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			environ, err := os.ReadFile(f)
			if err != nil || !bytes.Contains(environ, []byte("AGATA_REPORTS=")) {
				continue // gone meanwhile, or not ours to see
			}
			if bytes.Contains(environ, []byte("/agata-experiment-")) || bytes.Contains(environ, []byte("/TestDemo")) {
				return false
			}
		}
		return true
	})
}
