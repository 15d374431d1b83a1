package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

const (
	// RabbitMQVar and RabbitMQ2Var name the environment variables that say where
	// the private nodes are, as "amqp-port,management-port" on 127.0.0.1.
	RabbitMQVar  = "AGATA_TEST_RABBITMQ"
	RabbitMQ2Var = "AGATA_TEST_RABBITMQ2"
	// RabbitMQTLSVar says where the first node speaks TLS, and where the certificates
	// of its authority are, as "port,folder".
	RabbitMQTLSVar = "AGATA_TEST_RABBITMQ_TLS"
	// ClusterVar says where the nodes of a private cluster are, as
	// "amqp-port,management-port" each, and its folder, with semicolons between.
	ClusterVar = "AGATA_TEST_CLUSTER"
)

// Node is a virtual host of one test's own on a private RabbitMQ node.
type Node struct {
	// URL leads to the fresh virtual host, which is deleted after the test.
	URL string
	// DefaultURL leads to the virtual host "/", which tests share.
	DefaultURL string
	// Host and Port are where the node speaks AMQP.
	Host string
	Port int
	// VHost is the name of the fresh virtual host.
	VHost string
	// Management is the URL of the management API, without its path.
	Management string

	folder string // of a cluster
}

// RabbitMQ gives a virtual host on the first private node, or skips the test.
func RabbitMQ(t testing.TB) *Node { t.Helper(); return node(t, RabbitMQVar) }

// RabbitMQ2 gives a virtual host on the second private node, for tests that need
// a cloud and a client broker, or skips the test.
func RabbitMQ2(t testing.TB) *Node { t.Helper(); return node(t, RabbitMQ2Var) }

// RabbitMQTLS gives a virtual host on the first private node, with the port where
// it speaks TLS to who shows a certificate, and the folder that has them; or it
// skips the test.
func RabbitMQTLS(t testing.TB) (n *Node, folder string) {
	t.Helper()
	n = node(t, RabbitMQVar)
	where := os.Getenv(RabbitMQTLSVar)
	if where == "" {
		t.Skipf("needs a private RabbitMQ node that speaks TLS in %s: `make test` starts it, or run `eval \"$(tools/testnodes start DIR)\"`", RabbitMQTLSVar)
	}
	port, folder, found := strings.Cut(where, ",")
	number, err := strconv.Atoi(port)
	if err != nil || !found {
		t.Fatalf("%s=%q: want port,folder, as tools/testnodes start prints it", RabbitMQTLSVar, where)
	}
	n.Port = number
	return n, folder
}

// RabbitMQCluster gives a virtual host on a private cluster, as its first node has
// it, and the addresses of all nodes; or it skips the test.
func RabbitMQCluster(t testing.TB) (n *Node, addrs []string) {
	t.Helper()
	text := os.Getenv(ClusterVar)
	if text == "" {
		t.Skipf("needs a private RabbitMQ cluster in %s: `make test` starts it, or run `eval \"$(tools/testnodes cluster DIR)\"`", ClusterVar)
	}
	nodes := strings.Split(text, ";")
	for _, where := range nodes[:len(nodes)-1] {
		port, _, _ := strings.Cut(where, ",")
		addrs = append(addrs, net.JoinHostPort("127.0.0.1", port))
	}
	n = nodeAt(t, ClusterVar, nodes[0])
	n.folder = nodes[len(nodes)-1]
	return n, addrs
}

func node(t testing.TB, variable string) *Node {
	t.Helper()
	where := os.Getenv(variable)
	if where == "" {
		t.Skipf("needs a private RabbitMQ node in %s: `make test` starts them, or run `eval \"$(tools/testnodes start DIR)\"`", variable)
	}
	return nodeAt(t, variable, where)
}

func nodeAt(t testing.TB, variable, where string) *Node {
	t.Helper()
	n, err := parseNode(where)
	if err != nil {
		t.Fatalf("%s=%q: %v", variable, where, err)
	}
	n.VHost = "test-" + uuid.NewString()
	n.URL = n.DefaultURL + url.PathEscape(n.VHost)
	n.must(t, t.Context(), http.MethodPut, "/vhosts/"+n.VHost, map[string]string{"description": t.Name()})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		n.must(t, ctx, http.MethodDelete, "/vhosts/"+n.VHost, nil)
	})
	n.must(t, t.Context(), http.MethodPut, "/permissions/"+n.VHost+"/guest",
		map[string]string{"configure": ".*", "write": ".*", "read": ".*"})
	return n
}

func parseNode(where string) (*Node, error) {
	n := &Node{Host: "127.0.0.1"}
	var management int
	if _, err := fmt.Sscanf(where, "%d,%d", &n.Port, &management); err != nil || where != fmt.Sprintf("%d,%d", n.Port, management) {
		return nil, fmt.Errorf("want amqp-port,management-port")
	}
	n.DefaultURL = fmt.Sprintf("amqp://guest:guest@%s:%d/", n.Host, n.Port)
	n.Management = fmt.Sprintf("http://%s:%d", n.Host, management)
	return n, nil
}

// CloseConnections closes the connections to the fresh virtual host from the
// broker's side (320), those that were open when it was called, and waits until
// they are gone. It fails the test if there are none: the node's list runs a few
// seconds behind, which is how long this takes.
func (n *Node) CloseConnections(t testing.TB) {
	t.Helper()
	if n.folder != "" { // whose nodes list each other's connections late
		testnodes(t, "ctl", n.folder, "c1", "close_all_connections", "--vhost", n.VHost, "closed by a test")
		return
	}
	called := time.Now().UnixMilli()
	closed := map[string]bool{}
	Eventually(t, 20*time.Second, "RabbitMQ has closed the connections to "+n.VHost, func() bool {
		var conns []struct {
			Name        string
			ConnectedAt int64 `json:"connected_at"`
		}
		body := n.must(t, t.Context(), http.MethodGet, "/vhosts/"+n.VHost+"/connections", nil)
		if err := json.Unmarshal(body, &conns); err != nil {
			t.Fatalf("RabbitMQ lists its connections as %q: %v", body, err)
		}
		left := false
		for _, c := range conns {
			if c.Name == "" || closed[c.Name] || c.ConnectedAt > called { // such a client came back: let it be
				continue
			}
			left = true
			if status, _ := n.call(t, t.Context(), http.MethodDelete, "/connections/"+url.PathEscape(c.Name), nil); status < 300 || status == http.StatusNotFound {
				closed[c.Name] = true
			}
		}
		return !left && len(closed) > 0
	})
}

// must calls the management API and fails the test unless that succeeds.
func (n *Node) must(t testing.TB, ctx context.Context, method, path string, body any) []byte {
	t.Helper()
	status, answer := n.call(t, ctx, method, path, body)
	if status >= 300 {
		t.Fatalf("RabbitMQ's management API answered %s %s with %d %s", method, path, status, strings.TrimSpace(string(answer)))
	}
	return answer
}

func (n *Node) call(t testing.TB, ctx context.Context, method, path string, body any) (int, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, n.Management+"/api"+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("guest", "guest")
	req.Header.Set("Content-Type", "application/json")
	req.Close = true // no connection kept: callers look for leaked goroutines
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("RabbitMQ's management API: %v", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		t.Fatalf("RabbitMQ's management API: %s %s: %v", method, path, err)
	}
	return resp.StatusCode, answer
}

// RaiseAlarm makes the first private node believe that it has no memory left,
// which is what it then does to everybody who publishes, until lift is called or
// the test ends. Nothing else may use the node meanwhile: no t.Parallel.
func RaiseAlarm(t testing.TB) (lift func()) {
	t.Helper()
	_, folder, found := strings.Cut(os.Getenv(RabbitMQTLSVar), ",")
	if !found {
		t.Skipf("needs the folder of the private RabbitMQ nodes in %s: `make test` starts them, or run `eval \"$(tools/testnodes start DIR)\"`", RabbitMQTLSVar)
	}
	watermark := func(bytes string) {
		t.Helper()
		testnodes(t, "ctl", filepath.Dir(folder), "one", "set_vm_memory_high_watermark", "absolute", bytes)
	}
	watermark("1MB")
	lift = sync.OnceFunc(func() { watermark("1GB") })
	t.Cleanup(lift)
	return lift
}

// testnodes runs that tool.
func testnodes(t testing.TB, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, filepath.Join("..", "..", "tools", "testnodes"), args...).CombinedOutput(); err != nil {
		t.Errorf("tools/testnodes %q: %v %s", args, err, out)
	}
}
