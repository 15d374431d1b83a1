package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/contract"
)

// brokers runs two embedded brokers and returns the settings that lead to them,
// and a way to put events on one.
type brokers struct {
	t     *testing.T
	ports map[string]int
}

func newBrokers(t *testing.T, sides ...string) *brokers {
	t.Helper()
	b := &brokers{t: t, ports: map[string]int{cloudSide: testenv.Port(t), clientSide: testenv.Port(t)}}
	for b.ports[cloudSide] == b.ports[clientSide] {
		b.ports[clientSide] = testenv.Port(t)
	}
	for _, side := range sides {
		s, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		<-s.Started()
		b.ports[side] = s.Addr().(*net.TCPAddr).Port
	}
	t.Chdir(t.TempDir())
	return b
}

func (b *brokers) publish(side string, compat bool, bodies ...string) {
	b.t.Helper()
	tr, err := amqpx.New(amqpx.Options{Host: "127.0.0.1", Port: b.ports[side], Compat: compat})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 5*time.Second)
	defer cancel()
	err = tr.With(ctx, func(ctx context.Context) error {
		raw := make([][]byte, len(bodies))
		for i, body := range bodies {
			raw[i] = []byte(body)
		}
		return tr.Publish(ctx, contract.EventsQueue, raw...)
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func event(at float64, service, text string) string {
	return fmt.Sprintf(`{"time": %f, "service": %q, "function": "main", "event": %q}`, at, service, text)
}

func (b *brokers) args(args ...string) []string {
	return append(args, "--set", fmt.Sprintf("server.broker.port=%d", b.ports[cloudSide]), "--set", fmt.Sprintf("client.broker.port=%d", b.ports[clientSide]))
}

func (b *brokers) agata(args ...string) result {
	var out, errOut bytes.Buffer
	code := run(b.t.Context(), b.args(args...), strings.NewReader(""), &out, &errOut)
	return result{code, out.String(), errOut.String()}
}

func TestEventsAreMergedAndTaken(t *testing.T) {
	b := newBrokers(t, cloudSide, clientSide)
	b.publish(cloudSide, false, event(1, "cloud", "first"), event(3, "cloud", "third"), "no event", event(3, "cloud", "third"))
	b.publish(clientSide, false, event(2, "client", "second"))
	r := b.agata("events", "take", "--out", "sub/events.json")
	if r.code != exitOK || r.out != "" || !strings.Contains(r.err, "3 events in sub/events.json") {
		t.Errorf("got %+v", r)
	}
	events, err := timeline.ReadFile("sub/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range events {
		texts = append(texts, e.Event)
	}
	if !slices.Equal(texts, []string{"first", "second", "third"}) {
		t.Errorf("got %v", texts)
	}
	if r := b.agata("events", "take", "--format", "json"); r.code != exitOK || r.out != "[]\n" {
		t.Errorf("they were not taken: %+v", r)
	}
}

func TestEventsAsATable(t *testing.T) {
	b := newBrokers(t, cloudSide)
	b.publish(cloudSide, false, event(1.25, "cloud", "first\nthing"))
	r := b.agata("events", "take")
	if r.code != exitOK || !strings.HasPrefix(r.out, "TIME ") || !strings.Contains(r.out, ":01.250000  cloud") || !strings.Contains(r.out, "first thing") {
		t.Errorf("got %+v", r)
	}
	if !strings.Contains(r.err, "left out") || !strings.Contains(r.err, "the client's broker") {
		t.Errorf("the missing broker is not named: %q", r.err)
	}
}

func TestEventsOfABrokerThatIsAskedFor(t *testing.T) {
	b := newBrokers(t, cloudSide)
	if r := b.agata("events", "take", "--client"); r.code != exitUnreachable || !strings.Contains(r.err, "the client's broker") {
		t.Errorf("got %+v", r)
	}
	b.publish(cloudSide, false, event(1, "cloud", "kept"))
	if r := b.agata("events", "take", "--cloud", "--client", "--out", "e.json"); r.code != exitUnreachable {
		t.Errorf("got %+v", r)
	}
	if _, err := os.Stat("e.json"); err == nil {
		t.Error("a file was written")
	}
	if r := b.agata("events", "take", "--cloud"); r.code != exitOK || !strings.Contains(r.out, "kept") {
		t.Errorf("got %+v", r)
	}
	none := newBrokers(t)
	if r := none.agata("events", "take"); r.code != exitUnreachable {
		t.Errorf("no broker at all: %+v", r)
	}
}

// The queue was declared by a peer in another way: an error that says what to set.
func TestEventsOfAPeersQueue(t *testing.T) {
	b := newBrokers(t, cloudSide)
	b.publish(cloudSide, true, event(1, "cloud", "x"))
	if r := b.agata("events", "take", "--cloud"); r.code != exitFailed || !strings.Contains(r.err, "compat=true") || r.out != "" {
		t.Errorf("got %+v", r)
	}
	if r := b.agata("events", "take", "--cloud", "--set", "broker.compat=true", "--format", "json"); r.code != exitOK || !strings.Contains(r.out, `"event": "x"`) {
		t.Errorf("got %+v", r)
	}
}

// lockedBuffer may be read while it is written to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestEventsFollow(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		t.Run(format, func(t *testing.T) {
			b := newBrokers(t, cloudSide)
			b.publish(cloudSide, false, event(1, "cloud", "before"))
			ctx, stop := context.WithCancel(t.Context())
			var out, errOut lockedBuffer
			ended := make(chan int, 1)
			go func() {
				ended <- run(ctx, b.args("events", "take", "--follow", "--cloud", "--format", format, "--out", "e.json"), strings.NewReader(""), &out, &errOut)
			}()
			testenv.Eventually(t, 10*time.Second, "the first event is printed", func() bool { return strings.Contains(out.String(), "before") })
			b.publish(cloudSide, false, event(2, "cloud", "meanwhile"), event(2, "cloud", "meanwhile"))
			testenv.Eventually(t, 10*time.Second, "the second event is printed", func() bool { return strings.Contains(out.String(), "meanwhile") })
			stop()
			if code := <-ended; code != exitOK {
				t.Errorf("exit code %d: %s", code, errOut.String())
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(lines) != 2 {
				t.Errorf("printed %q", lines)
			}
			if format == "json" {
				var e contract.Event
				if err := json.Unmarshal([]byte(lines[1]), &e); err != nil || e.Event != "meanwhile" {
					t.Errorf("printed %q: %v", lines[1], err)
				}
			}
			if events, err := timeline.ReadFile("e.json"); err != nil || len(events) != 2 {
				t.Errorf("wrote %v, %v", events, err)
			}
		})
	}
}
