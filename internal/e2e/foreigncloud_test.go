package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// Our client serves a cloud in Python: it tells of itself, fetches, runs, passes
// over what it cannot run, and goes on with the next task after an error.
func TestPythonCloud(t *testing.T) {
	w := newWorldOn(t, peerBroker(t, testenv.RabbitMQ(t)), peerBroker(t, testenv.RabbitMQ2(t)))
	dir := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	offer := func(id, file, password string) contract.OfferedTask {
		arguments := "--name 'a b'"
		return contract.OfferedTask{ID: id, Host: "127.0.0.1", Port: 8080, Tags: []string{}, ClientArguments: &arguments, Username: "user", Password: password, FilesPaths: []string{file}}
	}
	list, err := json.Marshal([]contract.OfferedTask{
		offer("P", "../../escape.py", "123"), offer("W", "client.py", "wrong"), offer("M", "absent.py", "123"),
		offer("E", "client.py", "123"), offer("C", "client.py", "123"),
	})
	if err != nil {
		t.Fatal(err)
	}
	write("offers.json", string(list))
	write("escape.py", "")
	write("files/W/client.py", prelude+`note("wrong")`)
	write("files/E/client.py", prelude+`
note("E", time.time())
say(type="info", info="Started")
time.sleep(0.5)
note("error", time.time())
say(type="error", exception="no camera")
`+forever)
	write("files/C/client.py", prelude+`
note("C", time.time())
note("argv", "|".join(sys.argv[2:]).replace(" ", "_"))
info = os.path.join(sys.argv[1], "client_info", "ada_info.json")
with open(info) as f: data = json.load(f)
data["avg_acc_contrib"] = 0.75
with open(info, "w") as f: json.dump(data, f)
`+forever)
	cloud := newOffers(t, w.client, dir)
	w.set["server.files.url"] = fmt.Sprintf("http://127.0.0.1:%d", cloud.files)
	w.serve(app.ClientTaskManager)

	w.noted("client", "C")
	w.runs("C")
	failed, next := seconds(t, w.noted("client", "error")), seconds(t, w.noted("client", "C"))
	t.Logf("from the error to the next task's start: %.0f ms", 1e3*(next-failed))
	if next-failed > 3 {
		t.Errorf("the next task began %.1f s after the error", next-failed)
	}
	if reason := w.held("E"); reason != "report_error" {
		t.Errorf("E is in quarantine for %s", reason)
	}
	if got := w.noted("client", "argv"); got != "--name|a_b" {
		t.Errorf("the client's program got %s", got)
	}
	if n := w.notes("client", "wrong"); len(n) > 0 {
		t.Error("a task that may not be fetched was run")
	}
	if _, err := os.Stat(filepath.Join(w.dir, "client", "client", "escape.py")); err == nil {
		t.Error("a file of the cloud escaped its folder")
	}
	// What it told, in the arguments of the contract and no others.
	w.eventually("the client tells what its task changed", func() bool {
		told := cloud.of(updateMe)
		return len(told) > 0 && string(told[len(told)-1].Arguments["avg_acc_contrib"]) == "0.75"
	})
	first := cloud.of(updateMe)[0].Arguments
	if string(first["user_id"]) != `"ada"` || string(first["data_qnt"]) != "60" || string(first["sensors"]) != `["camera", "ecu"]` {
		t.Errorf("the client told %s", first)
	}
	for _, told := range cloud.of(updateMe) {
		for key := range told.Arguments {
			if !slices.Contains([]string{"user_id", "data_qnt", "avg_acc_contrib", "avg_disconnection_per_round", "sensors"}, key) {
				t.Errorf("the client told of %q, which peers do not take", key)
			}
		}
	}
	for _, asked := range cloud.of(askTasks) {
		if len(asked.Arguments) != 1 || string(asked.Arguments["user_id"]) != `"ada"` {
			t.Errorf("the client asked with %s", asked.Arguments)
		}
	}
	if n := len(w.notes("client", "E")); n != 1 {
		t.Errorf("the failed task was run %d times", n)
	}
}

func seconds(t testing.TB, s string) (f float64) {
	t.Helper()
	if _, err := fmt.Sscan(s, &f); err != nil {
		t.Fatalf("%q is no time: %v", s, err)
	}
	return f
}

// offers is a stand-in for the cloud in Python, and what it hears.
type offers struct {
	*peer
	files int // port of its file server

	mu    sync.Mutex
	heard []heard
}

type heard struct {
	Function  string
	Arguments map[string]json.RawMessage
}

// newOffers serves the offers and the files in a folder.
func newOffers(t testing.TB, b *broker, dir string) *offers {
	t.Helper()
	o := &offers{peer: newPeer(t, b, "cloud", strconv.Itoa(b.port), dir)}
	var ready struct{ Files int }
	o.read(&ready)
	o.files = ready.Files
	o.reading = make(chan struct{})
	go func() {
		defer close(o.reading)
		for o.out.Scan() {
			var h heard
			if json.Unmarshal(o.out.Bytes(), &h) == nil {
				o.mu.Lock()
				o.heard = append(o.heard, h)
				o.mu.Unlock()
			}
		}
	}()
	return o
}

// of lists what was heard of a function.
func (o *offers) of(fn string) (list []heard) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, h := range o.heard {
		if h.Function == fn {
			list = append(list, h)
		}
	}
	return list
}
