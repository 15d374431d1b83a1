package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/sse"
	"github.com/agata-fl/agata/pkg/contract"
)

// fleetVar makes the test's binary a fleet of clients, in a process of its own,
// since a process may hold only so many sockets: "URL N SECONDS", the gateway, how
// many clients, and how often each asks.
const fleetVar = "AGATA_E2E_FLEET"

// fleet is many clients that hold their downlink and ask for tasks, as the client
// gateway and the task manager do.
type fleet struct {
	url      string
	interval time.Duration
	http     *http.Client

	mu     sync.Mutex
	task   string
	seen   map[string]int64 // by client: when it was offered the task, unix microseconds
	polls  int
	failed int
	linked int
	why    string // the last failure
}

// runFleet is the process: it says what it has seen whenever it is asked.
func runFleet(spec string) int {
	var f fleet
	var n, seconds int
	if _, err := fmt.Sscan(spec, &f.url, &n, &seconds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	f.interval = time.Duration(seconds) * time.Second
	f.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 0, DisableCompression: true}}
	slots := make(chan struct{}, 64)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { // what the cloud is to know of each
			slots <- struct{}{}
			defer func() { <-slots }()
			f.post(contract.UpdateUser.Name, fmt.Sprintf(`{"user_id":"c%d","data_qnt":%d}`, i, i%100))
		})
	}
	wg.Wait()
	links := make(chan struct{}, 256)
	for i := range n {
		go f.client(fmt.Sprint("c", i), links)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		f.mu.Lock()
		if task, ok := strings.CutPrefix(lines.Text(), "watch "); ok {
			f.task, f.seen = task, map[string]int64{}
		}
		b, err := json.Marshal(map[string]any{"seen": f.seen, "polls": f.polls, "failed": f.failed, "linked": f.linked, "why": f.why})
		f.mu.Unlock()
		if err != nil {
			return 1
		}
		fmt.Printf("%s\n", b)
	}
	return 0
}

func (f *fleet) post(fn, body string) []byte {
	why := ""
	resp, err := f.http.Post(f.url+"/"+fn, "application/json", strings.NewReader(body))
	if err == nil {
		defer resp.Body.Close()
		var b []byte
		if b, err = io.ReadAll(resp.Body); err == nil && resp.StatusCode == http.StatusOK {
			return b
		}
		why = fmt.Sprintf("%s: %.100s", resp.Status, b)
	}
	if err != nil {
		why = err.Error()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed, f.why = f.failed+1, why
	return nil
}

func (f *fleet) client(id string, links chan struct{}) {
	wake := make(chan struct{}, 1)
	go func() {
		for {
			links <- struct{}{}
			resp, err := http.Get(f.url + "/api/v1/clients/" + id + "/downlink")
			<-links
			if err == nil && resp.StatusCode == http.StatusOK {
				f.mu.Lock()
				f.linked++
				f.mu.Unlock()
				_ = sse.Read(resp.Body, func(time.Duration) {}, func(m sse.Message) error {
					if m.Event == "command" && m.Data != nil {
						select {
						case wake <- struct{}{}:
						default:
						}
					}
					return nil
				})
				f.mu.Lock()
				f.linked--
				f.mu.Unlock()
			}
			if err == nil {
				resp.Body.Close()
			}
			time.Sleep(rand.N(2 * time.Second))
		}
	}()
	timer := time.NewTimer(rand.N(f.interval))
	for {
		select {
		case <-timer.C:
		case <-wake:
		}
		var offers []contract.OfferedTask
		_ = json.Unmarshal(f.post(contract.RequestTasks.Name, `{"user_id":"`+id+`"}`), &offers)
		now := time.Now().UnixMicro()
		f.mu.Lock()
		f.polls++
		if f.seen != nil && f.seen[id] == 0 && slices.ContainsFunc(offers, func(t contract.OfferedTask) bool { return t.ID == f.task }) {
			f.seen[id] = now
		}
		f.mu.Unlock()
		timer.Reset(f.interval)
	}
}

// fleetReport is what the process says.
type fleetReport struct {
	Seen                  map[string]int64
	Polls, Failed, Linked int
	Why                   string
}

// BenchmarkFleet starts a task before 10,000 clients that are connected, of which
// half or all fit, and measures when each of them is offered it; and what a
// downlink costs in memory.
//
//	AGATA_FLEET="10000 60" go test -run xxx -bench Fleet -benchtime 1x -timeout 20m ./internal/e2e
func BenchmarkFleet(b *testing.B) {
	n, seconds := 10_000, 60
	if spec := os.Getenv("AGATA_FLEET"); spec != "" {
		if _, err := fmt.Sscan(spec, &n, &seconds); err != nil {
			b.Fatal(err)
		}
	}
	w := newWorld(b)
	w.set["rpc.timeout"] = "10"
	w.serveCloud()
	before := inUse()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), fleetVar+"="+w.set["server.gateway.url"]+" "+strconv.Itoa(n)+" "+strconv.Itoa(seconds))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	lines := bufio.NewReaderSize(out, 16<<20)
	ask := func(line string) (r fleetReport) {
		b.Helper()
		if _, err := fmt.Fprintln(in, line); err != nil {
			b.Fatal(err)
		}
		text, err := lines.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	for end := time.Now().Add(5 * time.Minute); ask("").Linked < n; time.Sleep(time.Second) {
		if time.Now().After(end) {
			b.Fatalf("only %d clients are connected", ask("").Linked)
		}
	}
	b.Logf("%d clients are connected: %.1f KB each", n, float64(inUse()-before)/float64(n)/1024)
	// All have asked once, so that the cloud knows whom a start concerns.
	time.Sleep(max(65*time.Second, time.Duration(seconds+5)*time.Second))
	for b.Loop() {
		for _, tc := range []struct {
			name, criteria string
			of             int
		}{{"one", `ID == "c7"`, 1}, {"100", `data_qnt == 7`, n / 100}, {"half", `data_qnt >= 50`, n / 2}, {"all", "", n}} {
			id := "fleet-" + tc.name
			w.task(id, forever, forever, func(r *contract.CreateTaskRequest) { r.SelectionCriteria = tc.criteria })
			r := ask("watch " + id)
			polls, failed := r.Polls, r.Failed
			began := time.Now()
			w.start(id)
			for end := time.Now().Add(3 * time.Minute); len(r.Seen) < tc.of && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				r = ask("")
			}
			var took []time.Duration
			for _, at := range r.Seen {
				took = append(took, time.UnixMicro(at).Sub(began))
			}
			slices.Sort(took)
			at := func(q float64) time.Duration { return took[int(q*float64(len(took)-1))].Round(time.Millisecond) }
			b.Logf("%s: %d of %d offered, p50 %s p90 %s p99 %s max %s; %d polls, %d failed %s", tc.name, len(took), tc.of, at(0.5), at(0.9), at(0.99), at(1), r.Polls-polls, r.Failed-failed, r.Why)
			must(b, w.operator, contract.StopServerTask, contract.TaskIDRequest{TaskID: id})
			time.Sleep(5 * time.Second)
		}
	}
}

// inUse is what the process uses of memory, in bytes.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
