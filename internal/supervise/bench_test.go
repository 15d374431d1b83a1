package supervise

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// BenchmarkLine measures from a task's write to its line in Lines.
func BenchmarkLine(b *testing.B) {
	p := start(b, newManager(b), Spec{Argv: sh("sleep 600")})
	file, err := os.OpenFile(shim.ReportsPath(p.Folder()), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := file.WriteString("{\"type\":\"info\"}\n"); err != nil {
			b.Fatal(err)
		}
		line := <-p.Lines()
		took = append(took, time.Since(began))
		if err := p.Commit(line); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
}

// BenchmarkThroughput measures how fast a backlog of output is read.
func BenchmarkThroughput(b *testing.B) {
	m := newManager(b)
	b.SetBytes(10 << 20)
	for b.Loop() {
		p := start(b, m, Spec{ID: "x", Argv: sh(`head -c 10485760 /dev/zero | tr '\0' x | fold -w 99`)})
		for range p.Lines() {
		}
		if err := p.Remove(); err != nil {
			b.Fatal(err)
		}
	}
}
