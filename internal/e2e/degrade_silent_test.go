package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// The client's connections to the cloud's gateway fall silent without being
// closed. Its polls and its downlink notice and go on by new ones.
func TestDegradeSilentGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	w.task("a", forever, "note('a')\n"+forever, nil)
	w.task("b", forever, "note('b')\n"+forever, nil)
	w.start("a")
	p := newProxy(t, w.set["server.gateway.url"])
	w.set["server.gateway.url"] = p.url()
	w.set["client.params.policy"], w.set["client.params.max_tasks"] = "all", "4"
	w.serveClient()
	w.noted("client", "a")
	pid := w.runs("a").PID
	linked := func() bool {
		requests, _ := p.seen()
		return strings.Contains(requests, "/downlink")
	}
	w.eventually("the client has a downlink", linked)

	p.hush()
	before, _ := p.seen()
	began := time.Now()
	w.start("b")
	w.noted("client", "b")
	t.Logf("a task that was started in the silence ran after %s", time.Since(began).Round(time.Millisecond))
	w.eventually("the client has another downlink", func() bool {
		requests, _ := p.seen()
		return strings.Contains(requests[len(before):], "/downlink")
	})
	t.Logf("the downlink was asked for anew after %s", time.Since(began).Round(time.Millisecond))
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the silence was noticed after %s only", took)
	}
	if e := w.runs("a"); e.PID != pid {
		t.Errorf("the task that ran was disturbed: %+v", e)
	}
}

// The cloud's services lose their broker in silence. Heartbeats tell, within 30 s;
// calls end at their deadlines meanwhile, and tasks go on.
func TestDegradeSilentBroker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newProxy(t, w.cloud.addr())
	w.set["server.broker.port"] = strconv.Itoa(p.Addr().(*net.TCPAddr).Port)
	w.serveCloud()
	w.task("a", forever, "note('a')\n"+forever, nil)
	w.start("a")
	w.serveClient()
	w.noted("client", "a")
	pid, server := w.runs("a").PID, w.summary("a").PID

	p.hush()
	began := time.Now()
	if a := w.post(getTask, `{"task_id":"a"}`); a.status != 500 || a.header.Get("Agata-Code") != "deadline" {
		t.Errorf("a call in the silence: %d %s %s", a.status, a.header.Get("Agata-Code"), a.body)
	}
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("a call with a deadline of 3 s ended after %s", took)
	}
	testenv.Eventually(t, 60*time.Second, "the services have noticed", func() bool {
		return w.post(getTask, `{"task_id":"a"}`).status == 200
	})
	took := time.Since(began)
	t.Logf("calls are answered again %s after the connections fell silent", took.Round(time.Millisecond))
	if took > 45*time.Second {
		t.Errorf("that is later than heartbeats tell")
	}
	w.eventually("the client is offered tasks again", func() bool { return w.status().LastError == "" })
	if e := w.runs("a"); e.PID != pid || !alive(server) || w.summary("a").PID != server {
		t.Errorf("the task was disturbed: %+v", e)
	}
}

// A download falls silent in the middle. It goes on where it was, by a new
// connection, after 30 s.
func TestDegradeSilentDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	if a := w.upload("a", "weights.bin", strings.Repeat("0123456789abcdef", 16<<20/16)); a.status != 200 {
		t.Fatal(a.body)
	}
	w.task("a", forever, "note('a')\n"+forever, func(r *contract.CreateTaskRequest) { r.FilesPaths = []string{"client.py", "weights.bin"} })
	w.start("a")
	p := newProxy(t, w.set["server.files.url"])
	p.hushAfter(3 << 20)
	w.set["server.files.url"] = p.url()
	began := time.Now()
	w.serveClient()
	testenv.Eventually(t, 75*time.Second, "the download goes on", func() bool { return len(w.notes("client", "a")) > 0 })
	took := time.Since(began)
	t.Logf("the task ran %s after the download fell silent", took.Round(time.Millisecond))
	if requests, _ := p.seen(); !strings.Contains(requests, "Range: bytes=") {
		t.Error("the download began anew")
	}
	info, err := os.Stat(filepath.Join(w.dir, "client", "client", "tasks", "task_a", "weights.bin"))
	if err != nil || info.Size() != 16<<20 {
		t.Errorf("what arrived: %v %v", info, err)
	}
	if took < 25*time.Second {
		t.Error("nothing fell silent")
	}
}

// Each service stops in time though what it depends on accepts connections and
// never says a word.
func TestDegradeSilentFromTheStart(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close() // the kernel accepts, nobody reads
	port := strconv.Itoa(mute.Addr().(*net.TCPAddr).Port)
	for _, name := range app.Services() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{TB: t, dir: t.TempDir()}
			cfg, err := config.Load(config.LoadOptions{Data: w.dir, Overrides: map[string]string{
				"broker.mode": "external", "server.broker.port": port, "client.broker.port": port, "server.broker.host": "127.0.0.1", "client.broker.host": "127.0.0.1", "client.broker.vhost": "client",
				"server.gateway.port": "0", "server.files.port": "0", "server.gateway.url": "http://127.0.0.1:" + port, "server.files.url": "http://127.0.0.1:" + port,
				"client.info.user_id": "ada", "tasks.python": python(t),
			}})
			if err != nil {
				t.Fatal(err)
			}
			a, err := app.New(app.Options{Config: cfg, Services: []string{name}})
			if err != nil {
				t.Fatal(err)
			}
			stop := run(t, name, a.Run)
			select {
			case <-a.Started():
				t.Error("it says that it serves, and has no broker")
			case <-time.After(2 * time.Second):
			}
			began := time.Now()
			stop()
			took := time.Since(began)
			t.Logf("%s stopped in %s", name, took.Round(time.Millisecond))
			if took > 15*time.Second {
				t.Errorf("%s took %s to stop", name, took)
			}
		})
	}
}
