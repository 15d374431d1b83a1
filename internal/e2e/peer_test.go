package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// wireQueues are the queues that the contract names.
var wireQueues = []string{
	"rpc_exec_create_task", "rpc_exec_start_server_task", "rpc_exec_stop_server_task", "rpc_exec_update_task",
	"rpc_exec_get_task_by_id", "rpc_exec_client_requesting_task", "rpc_exec_update_user_info", "rpc_exec_get_user_info", "events",
}

// peerBroker is the virtual host "/" of a node, the only one that peers know,
// without the queues of earlier tests.
func peerBroker(t testing.TB, n *testenv.Node) *broker {
	t.Helper()
	clean := func() {
		conn, err := amqp.Dial(n.DefaultURL)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ch, err := conn.Channel()
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range append(contract.Functions(), contract.EventsQueue, contract.RecordsQueue) {
			if _, err := ch.QueueDelete(q, false, false, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	clean()
	t.Cleanup(clean)
	return &broker{host: n.Host, port: n.Port, vhost: "/", compat: true}
}

// peer is a program in Python that speaks the wire.
type peer struct {
	t    testing.TB
	in   io.WriteCloser
	out  *bufio.Scanner
	port int // of the broker that calls go to
	// reading, if set, is closed when somebody else has read all of out.
	reading chan struct{}
}

// newPeer runs testdata/peer.py.
func newPeer(t testing.TB, b *broker, args ...string) *peer {
	t.Helper()
	cmd := exec.Command(testenv.Python(t), append([]string{"testdata/peer.py"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = testWriter{t}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, in: in, out: bufio.NewScanner(out), port: b.port}
	p.out.Buffer(nil, 4<<20)
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill() //nolint:errcheck // it may have ended by itself
		if p.reading != nil {
			<-p.reading
		}
		cmd.Wait() //nolint:errcheck // killed
	})
	return p
}

// read decodes the next line that the peer prints.
func (p *peer) read(into any) {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatalf("the Python peer has ended: %v", p.out.Err())
	}
	if err := json.Unmarshal(p.out.Bytes(), into); err != nil {
		p.t.Fatalf("the Python peer said %q: %v", p.out.Bytes(), err)
	}
}

// ask has the peer do something.
func (p *peer) ask(op string, arguments map[string]any, into any) {
	p.t.Helper()
	order := map[string]any{"op": op}
	for k, v := range arguments {
		order[k] = v
	}
	line, err := json.Marshal(order)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatal(err)
	}
	var raw json.RawMessage
	p.read(&raw)
	var failure struct{ Failed string }
	if err := json.Unmarshal(raw, &failure); err != nil || failure.Failed != "" {
		p.t.Fatalf("the Python peer could not %s %v: %s %v", op, arguments, failure.Failed, err)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			p.t.Fatal(err)
		}
	}
}

// declare declares queues as peers do.
func (p *peer) declare(queues ...string) {
	p.t.Helper()
	p.ask("declare", map[string]any{"port": p.port, "queues": queues}, nil)
}

// callAs calls by a queue with a type.
func (p *peer) callAs(queue, kind, body string) reply {
	p.t.Helper()
	var got struct{ Reply *string }
	p.ask("call", map[string]any{"port": p.port, "queue": queue, "type": kind, "body": body}, &got)
	if got.Reply == nil {
		p.t.Fatalf("%s did not answer %.200s", kind, body)
	}
	return envelope(p.t, []byte(*got.Reply))
}

// ok calls a function that must succeed and decodes the value; into may be nil
// for null.
func (p *peer) ok(fn, body string, into any) {
	p.t.Helper()
	r := p.callAs(fn, fn, body)
	if r.status != 200 {
		p.t.Fatalf("%s %s: %d %s", fn, body, r.status, r.exception)
	}
	if into == nil {
		if string(r.value) != "null" {
			p.t.Errorf("%s returned %s, want null", fn, r.value)
		}
		return
	}
	if err := json.Unmarshal(r.value, into); err != nil {
		p.t.Fatalf("%s returned %s: %v", fn, r.value, err)
	}
}

// fails calls a function that must fail in these words.
func (p *peer) fails(fn, body string, status int, text string) {
	p.t.Helper()
	if r := p.callAs(fn, fn, body); r.status != status || r.exception != text {
		p.t.Errorf("%s %s: got %d %s%s\nwant %d %s", fn, body, r.status, r.exception, r.value, status, text)
	}
}

// web is an HTTP answer as the peer saw it.
type web struct {
	Status  int
	Headers map[string]string
	Body    string
}

func (p *peer) get(url, user, password string) (a web) {
	p.t.Helper()
	arguments := map[string]any{"url": url}
	if user != "" {
		arguments["user"], arguments["password"] = user, password
	}
	p.ask("http", arguments, &a)
	return a
}

func (p *peer) post(url, body string) (a web) {
	p.t.Helper()
	p.ask("http", map[string]any{"url": url, "method": "POST", "body": body, "headers": map[string]string{"Content-Type": "application/json"}}, &a)
	return a
}

// testWriter puts what a process says into the test's log.
type testWriter struct{ t testing.TB }

// Write implements io.Writer.
func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", b)
	return len(b), nil
}
