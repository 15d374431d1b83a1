package supervise_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	// What the real binary links. Their init functions must not run in a shim.
	_ "net/http/pprof"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	_ "modernc.org/sqlite"

	"github.com/agata-fl/agata/internal/supervise"
)

var _ = promhttp.Handler

// TestShimComesFirst holds what package shim may import. One more package, and
// the shim may start behind the init functions of half the binary.
func TestShimComesFirst(t *testing.T) {
	files, err := filepath.Glob("shim/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source: %v", err)
	}
	light := []string{"errors", "os", "os/signal", "runtime", "syscall", "time", "unsafe"}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if path := strings.Trim(spec.Path.Value, `"`); !slices.Contains(light, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func BenchmarkStart(b *testing.B) {
	m, err := supervise.New(supervise.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	var toExec, toNotice []time.Duration
	var rss float64
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		p, err := m.Start(b.Context(), supervise.Spec{ID: fmt.Sprint("x", i), Argv: []string{"/bin/sleep", "60"}})
		if err != nil {
			b.Fatal(err)
		}
		toExec = append(toExec, p.StartedAt().Sub(began))
		b.StopTimer()
		if i == 0 {
			time.Sleep(100 * time.Millisecond)
			rss = shimRSS(b, p.PID())
		}
		killed := time.Now()
		proc, _ := os.FindProcess(p.PID())
		_ = proc.Kill()
		<-p.Done()
		toNotice = append(toNotice, time.Since(killed))
		if exit, ok := p.Exit(); !ok || exit.Signal != 9 {
			b.Fatalf("exit %+v", exit)
		}
		if err := p.Remove(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	slices.Sort(toExec)
	slices.Sort(toNotice)
	b.ReportMetric(ms(toExec[0]), "ms-to-exec-best")
	b.ReportMetric(ms(toExec[len(toExec)/2]), "ms-to-exec-median")
	b.ReportMetric(ms(toNotice[0]), "ms-kill-to-notice-best")
	b.ReportMetric(ms(toNotice[len(toNotice)/2]), "ms-kill-to-notice-median")
	b.ReportMetric(rss, "MB-shim-rss")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// TestShimIsSmall holds the memory of an idle shim of this big binary.
func TestShimIsSmall(t *testing.T) {
	m, err := supervise.New(supervise.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p, err := m.Start(t.Context(), supervise.Spec{ID: "x", Argv: []string{"/bin/sleep", "60"}})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if rss := shimRSS(t, p.PID()); rss > limitMB {
		t.Errorf("a shim takes %.1f MB, want at most %d", rss, limitMB)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// shimRSS is the resident memory of a task's shim, in MB.
func shimRSS(t testing.TB, task int) float64 {
	t.Helper()
	var shim, kb int
	status := func(pid int, field string) (n int) {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if rest, ok := strings.CutPrefix(line, field+":"); ok {
				fmt.Sscan(rest, &n)
			}
		}
		return n
	}
	shim = status(task, "PPid")
	kb = status(shim, "VmRSS")
	t.Logf("shim %d: anon %d kB, file %d kB, threads %d", shim, status(shim, "RssAnon"), status(shim, "RssFile"), status(shim, "Threads"))
	return float64(kb) / 1024
}
