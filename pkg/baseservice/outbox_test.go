package baseservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/baseservice/spool"
	"github.com/agata-fl/agata/pkg/contract"
)

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// collect reads records of a queue until enough says so; each once, by its id.
func collect(t *testing.T, b *bench, enough func([]contract.Record) bool) (once []contract.Record, all int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ids := map[string]bool{}
	err := b.transport.SubscribeBatch(ctx, contract.RecordsQueue, func(bodies [][]byte) error {
		for _, body := range bodies {
			var r contract.Record
			if err := json.Unmarshal(body, &r); err != nil {
				return err
			}
			all++
			if !ids[r.ID] {
				ids[r.ID] = true
				once = append(once, r)
			}
		}
		if enough(once) {
			cancel()
		}
		return nil
	})
	if err != nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("only %d records came, %v", len(once), err)
	}
	return once, all
}

func until(text string) func([]contract.Record) bool {
	return func(list []contract.Record) bool {
		return slices.ContainsFunc(list, func(r contract.Record) bool { return r.Event.Event == text })
	}
}

// A process is killed again and again while it records: what it has recorded is
// all there afterwards, each once by its id, in its order.
func TestNothingIsLostByAKill(t *testing.T) {
	b := setup(t)
	folder := t.TempDir()
	const rounds = 5
	recorded := make([]int, rounds)
	for round := range rounds {
		cmd, lines := child(t, "recorder", "SPOOL="+folder, "PORT="+fmt.Sprint(b.broker.Addr().(*net.TCPAddr).Port), fmt.Sprintf("ROUND=%d", round))
		last := -1
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			if err != nil || n != last+1 {
				t.Fatalf("after %d the child printed %q", last, lines.Text())
			}
			if last = n; n == 200*(round+1) {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
		if recorded[round] = last; last < 200 {
			t.Fatalf("the child recorded only %d", last)
		}
	}
	r := baseservice.NewRecorder(baseservice.RecorderOptions{Publisher: b.transport, Records: true, Events: true, Spool: folder})
	run(t, "recorder", r.Run)
	r.Event(t.Context(), contract.About{}, "last", "last")
	once, all := collect(t, b, until("last"))
	next := make([]int, rounds)
	for _, rec := range once {
		if rec.Event.Function == "last" {
			continue
		}
		round, err := strconv.Atoi(rec.Event.Function)
		n, err2 := strconv.Atoi(rec.Event.Event)
		if err != nil || err2 != nil || n != next[round] {
			t.Fatalf("%+v came, want number %d", rec.Event, next[round])
		}
		next[round]++
	}
	for round, n := range next {
		if n < recorded[round]+1 { // one more may have been recorded and not printed
			t.Errorf("round %d: %d came, %d were recorded", round, n, recorded[round]+1)
		}
	}
	t.Logf("%d records, %d of them twice", len(once), all-len(once))
}

// While the broker is away what is told waits on the disk, far more than memory
// holds, also when the service is stopped meanwhile.
func TestTheBrokerIsAwayForLong(t *testing.T) {
	folder := t.TempDir()
	port := testenv.Port(t)
	tr, err := amqpx.New(amqpx.Options{Host: "127.0.0.1", Port: port})
	if err != nil {
		t.Fatal(err)
	}
	run(t, "transport", tr.Run)
	const n = 12_000 // of 10,000 that memory holds
	reg := prometheus.NewRegistry()
	for part := range 2 {
		opt := baseservice.RecorderOptions{Publisher: tr, Events: true, Records: true, Spool: folder}
		if part == 0 {
			opt.Registerer = reg
		}
		r := baseservice.NewRecorder(opt)
		stop := run(t, "recorder", r.Run)
		testenv.Eventually(t, 10*time.Second, "the outbox is open", func() bool {
			_, err := os.Stat(filepath.Join(folder, contract.RecordsQueue, "lock"))
			return err == nil
		})
		if err := r.Open(); err != nil { // waits for the other one that opens it
			t.Fatal(err)
		}
		for i := range n {
			r.Event(t.Context(), contract.About{}, strconv.Itoa(part), strconv.Itoa(i))
		}
		began := time.Now()
		stop()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the stop took %s", took)
		}
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP agata_events_dropped_total Events and records given up because too many waited for the broker.
# TYPE agata_events_dropped_total counter
agata_events_dropped_total{queue="agata_records",service=""} 0
agata_events_dropped_total{queue="events",service=""} 0
`), "agata_events_dropped_total"); err != nil {
		t.Error(err)
	}
	broker, err := amqpd.New(amqpd.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port)})
	if err != nil {
		t.Fatal(err)
	}
	run(t, "broker", broker.Run)
	b := &bench{broker: broker}
	b.transport = b.connect(t)
	r := baseservice.NewRecorder(baseservice.RecorderOptions{Publisher: tr, Events: true, Records: true, Spool: folder})
	run(t, "recorder", r.Run)
	once, all := collect(t, b, func(list []contract.Record) bool { return len(list) == 2*n })
	for i, rec := range once {
		if rec.Event.Function != strconv.Itoa(i/n) || rec.Event.Event != strconv.Itoa(i%n) {
			t.Fatalf("number %d is %+v", i, rec.Event)
		}
	}
	t.Logf("%d records, %d of them twice", len(once), all-len(once))
}

// The disk is full and comes back: what is told meanwhile waits in memory, nothing
// is lost or out of order, and the log has a line for each change.
func TestTheDiskIsFull(t *testing.T) {
	folder := t.TempDir()
	cmd, lines := child(t, "full", "SPOOL="+folder)
	if !lines.Scan() {
		t.Fatalf("the child said nothing: %v", cmd.Wait())
	}
	log := lines.Text()
	if strings.Count(log, "the disk does not take them") != 1 || strings.Count(log, "the disk takes messages for the broker again") != 1 {
		t.Errorf("the log is %s", log)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	q := &queues{}
	r := baseservice.NewRecorder(baseservice.RecorderOptions{Publisher: q, Records: true, Spool: folder})
	stop := run(t, "recorder", r.Run)
	testenv.Eventually(t, 10*time.Second, "all that was told", func() bool { return len(q.of(contract.RecordsQueue)) == 80 })
	stop()
	for i, rec := range q.records(t) {
		if rec.Event.Event != strconv.Itoa(i) {
			t.Fatalf("number %d is %+v", i, rec.Event)
		}
	}
}

// A folder that cannot be made keeps nothing from being told.
func TestTheDiskIsNoDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	q := &queues{}
	reg := prometheus.NewRegistry()
	record(t, q, baseservice.RecorderOptions{Records: true, Spool: filepath.Join(file, "x"), Registerer: reg}, func(r *baseservice.Recorder) {
		if err := r.Open(); err != nil {
			t.Fatal(err)
		}
		r.Event(t.Context(), contract.About{}, "f", "a")
		testenv.Eventually(t, 10*time.Second, "it is told", func() bool { return len(q.of(contract.RecordsQueue)) == 1 })
	})
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP agata_outbox_disk_refused_total Events and records that the disk did not take when they came.
# TYPE agata_outbox_disk_refused_total counter
agata_outbox_disk_refused_total{queue="agata_records",service=""} 1
`), "agata_outbox_disk_refused_total"); err != nil {
		t.Error(err)
	}
}

// Two processes, or two services of one, must not share a folder.
func TestOneOutboxAFolder(t *testing.T) {
	b := setup(t)
	folder := t.TempDir()
	b.service(t, baseservice.Options{Records: true, Spool: folder}, func(*baseservice.Service) {})
	s, err := baseservice.New(baseservice.Options{Name: "second", Transport: b.transport, Schemas: b.schemas, Events: true, Records: true, Spool: folder})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, spool.ErrLocked) || !strings.Contains(err.Error(), "second: ") {
		t.Errorf("a second service on the folder: %v", err)
	}
}

// Beyond the bound the oldest go, counted; a message beyond all bounds goes alone.
func TestTheOutboxIsBounded(t *testing.T) {
	var mu sync.Mutex
	away := true
	q := &queues{}
	q.fail = func(context.Context, string) error {
		mu.Lock()
		defer mu.Unlock()
		if away {
			return errors.New("no connection")
		}
		return nil
	}
	reg := prometheus.NewRegistry()
	const n = 2000
	record(t, q, baseservice.RecorderOptions{Records: true, Spool: t.TempDir(), SpoolBytes: 64 << 10, Registerer: reg}, func(r *baseservice.Recorder) {
		if err := r.Open(); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			r.Event(t.Context(), contract.About{}, "f", strconv.Itoa(i))
		}
		r.Event(t.Context(), contract.About{}, "f", strings.Repeat("x", spool.MaxMessage))
		q.mu.Lock()
		q.bodies = nil
		q.mu.Unlock()
		mu.Lock()
		away = false
		mu.Unlock()
		r.Event(t.Context(), contract.About{}, "f", "last")
		testenv.Eventually(t, 20*time.Second, "the last one is told", func() bool {
			bodies := q.of(contract.RecordsQueue)
			return len(bodies) > 0 && strings.Contains(bodies[len(bodies)-1], `"last"`)
		})
	})
	seen := map[string]bool{}
	for _, rec := range q.records(t) {
		seen[rec.Event.Event] = true
	}
	lost, err := dropped(reg)
	if err != nil || len(seen)+int(lost) != n+2 || lost < n/2 {
		t.Errorf("%d came and %v are counted as lost, of %d; %v", len(seen), lost, n+2, err)
	}
}

func dropped(reg *prometheus.Registry) (float64, error) {
	families, err := reg.Gather()
	if err != nil {
		return 0, err
	}
	for _, f := range families {
		if f.GetName() == "agata_events_dropped_total" {
			return f.GetMetric()[0].GetCounter().GetValue(), nil
		}
	}
	return 0, errors.New("no such counter")
}

// What recording costs the one who does the work.
func BenchmarkEvent(b *testing.B) {
	for name, folder := range map[string]string{"memory": "", "disk": b.TempDir()} {
		b.Run(name, func(b *testing.B) {
			r := baseservice.NewRecorder(baseservice.RecorderOptions{Publisher: &discard{}, Service: "svc", Events: true, Records: true, Spool: folder})
			if err := r.Open(); err != nil {
				b.Fatal(err)
			}
			stop := run(b, "recorder", r.Run)
			for b.Loop() {
				r.Event(b.Context(), contract.About{Task: "t"}, "f", "Started")
			}
			stop()
		})
	}
}

type discard struct{}

func (*discard) Publish(context.Context, string, ...[]byte) error { return nil }
