package failover

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// actTime bounds what is done to a node; a start on a busy machine takes longest.
const actTime = 2 * time.Minute

// Cluster is one that tools/testnodes runs.
type Cluster struct {
	Tool  string // the path of tools/testnodes
	Dir   string
	Addrs []string // host:port of each node, c1 first
}

// Parse reads what `testnodes cluster` prints as AGATA_TEST_CLUSTER: the ports of
// each node and the folder, with semicolons between.
func Parse(tool, text string) (*Cluster, error) {
	parts := strings.Split(text, ";")
	c := &Cluster{Tool: tool, Dir: parts[len(parts)-1]}
	for _, node := range parts[:len(parts)-1] {
		port, _, _ := strings.Cut(node, ",")
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("the cluster %q is not written as amqp-port,management-port;...;folder", text)
		}
		c.Addrs = append(c.Addrs, net.JoinHostPort("127.0.0.1", port))
	}
	if len(c.Addrs) < 3 || c.Dir == "" {
		return nil, fmt.Errorf("the cluster %q has not three nodes and a folder", text)
	}
	return c, nil
}

// name is what testnodes calls the node at an address.
func (c *Cluster) name(addr string) string { return fmt.Sprint("c", slices.Index(c.Addrs, addr)+1) }

// act does something to a node; see testnodes.
func (c *Cluster) act(ctx context.Context, action, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, actTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, c.Tool, "node", c.Dir, action, c.name(addr)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s node %s: %w: %s", action, c.name(addr), err, out)
	}
	return nil
}
