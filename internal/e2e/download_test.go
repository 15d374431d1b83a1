package e2e

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/pkg/contract"
)

// The connection of a download is cut in the middle: it goes on where it was,
// and what arrives is what was sent.
func TestDownloadIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	var content strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	for content.Len() < 8<<20 {
		fmt.Fprintf(&content, "%016x", random.Uint64())
	}
	if a := w.upload("a", "weights.bin", content.String()); a.status != 200 {
		t.Fatal(a.body)
	}
	w.task("a", forever, "note('up')\n"+forever, func(r *contract.CreateTaskRequest) { r.FilesPaths = []string{"client.py", "weights.bin"} })
	w.start("a")
	p := newProxy(t, w.set["server.files.url"])
	p.cut(3 << 20)
	w.set["server.files.url"] = p.url()
	w.serveClient()
	w.noted("client", "up")
	got, err := os.ReadFile(filepath.Join(w.dir, "client", "client", "tasks", "task_a", "weights.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(got) != sha256.Sum256([]byte(content.String())) {
		t.Errorf("%d bytes arrived, and not those that were sent", len(got))
	}
	requests, cuts := p.seen()
	if cuts != 1 {
		t.Fatalf("%d connections were cut", cuts)
	}
	ranges := regexp.MustCompile(`Range: bytes=(\d+)-`).FindStringSubmatch(requests)
	if ranges == nil || number(t, ranges[1]) < 1<<20 {
		t.Errorf("the download began anew: %q", ranges)
	}
	if q := w.status().Quarantined; len(q) > 0 {
		t.Errorf("the cut was blamed on the task: %+v", q)
	}
	if left, err := filepath.Glob(filepath.Join(w.dir, "client", "client", "tasks", "task_a", "*.partial")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

// The file server is away: the client says so, and fetches when it is back.
func TestFileServerIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(app.UserManager)
	w.serve(app.CloudGateway)
	manager := w.serve(app.CloudTaskManager, keepTasks)
	w.task("a", forever, "note('up')\n"+forever, nil)
	w.start("a")
	files := w.set["server.files.url"]
	p := newProxy(t, "127.0.0.1:1") // nobody there
	w.set["server.files.url"] = p.url()
	w.serve(app.ClientGateway)
	w.serve(app.ClientTaskManager)
	w.eventually("the log tells of the failed download", func() bool {
		log := w.log.tail(100)
		return strings.Contains(log, "download_failed") && strings.Contains(log, "client.py")
	})
	p.lead(files)
	w.noted("client", "up")
	manager.stop()
	w.set["server.files.url"] = files
	w.serve(app.CloudTaskManager)
	if s := w.summary("a"); s.State != "running" {
		t.Errorf("the task: %+v", s)
	}
}
