package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// maxNodes bounds a broker's nodes.
const maxNodes = 32

// nodesValue is the list of a broker's nodes. A port that is left out is the
// broker's own, which is read before: so each has one in what it renders.
type nodesValue struct{ b *Broker }

func (v nodesValue) text() string { return strings.Join(v.b.Hosts, ",") }

func (v nodesValue) set(s string) *problem {
	var found []string
	for _, item := range splitList(s) {
		addr, bad := v.address(item)
		if bad != nil {
			return bad
		}
		if slices.Contains(found, addr) {
			return &problem{fmt.Sprintf("names %s twice", addr), "name each node once"}
		}
		found = append(found, addr)
	}
	if len(found) > maxNodes {
		return &problem{fmt.Sprintf("names %d nodes", len(found)), fmt.Sprintf("name %d at most", maxNodes)}
	}
	v.b.Hosts = found
	return nil
}

// address reads host, host:port, [ipv6]:port or a bare IPv6 address.
func (v nodesValue) address(item string) (string, *problem) {
	host, port := item, strconv.Itoa(v.b.Port)
	if h, p, err := net.SplitHostPort(item); err == nil {
		host, port = h, p
	}
	if bad := hostName(host); bad != nil {
		return "", &problem{fmt.Sprintf("holds %q, which %s", item, bad.what), "write each node as host or host:port, an IPv6 address with a port as [address]:port"}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return "", &problem{fmt.Sprintf("holds %q, whose port is not in 1..65535", item), "write each node as host:port"}
	}
	return net.JoinHostPort(host, port), nil
}

// nodesFirst gives programs that know host and port alone, as Python ones do, the
// first node, unless config.ini says otherwise.
func nodesFirst(c *Config) {
	for section, b := range map[string]*Broker{"client.broker": &c.ClientBroker, "server.broker": &c.ServerBroker} {
		if len(b.Hosts) == 0 || c.sources[section+".host"].Kind != FromDefault {
			continue
		}
		host, port, err := net.SplitHostPort(b.Hosts[0])
		if err != nil { // cannot be: it was read
			continue
		}
		b.Host = host
		b.Port, _ = strconv.Atoi(port) // as above
	}
}

// checkNodes looks at what goes with nodes.
func (l *loader) checkNodes(c *Config) {
	for section, b := range map[string]Broker{"client.broker": c.ClientBroker, "server.broker": c.ServerBroker} {
		if len(b.Hosts) > 0 && c.Broker.Mode == ModeEmbedded {
			l.failValue(l.won[section+".hosts"], problem{"cannot be an embedded broker's, which has one node", "leave it out, or give broker.mode=external"})
		}
	}
}

// shares tells whether two brokers are the same, or have a node in common.
func (b Broker) shares(with Broker) bool {
	return b.VHost == with.VHost && slices.ContainsFunc(b.Addrs(), func(addr string) bool { return slices.Contains(with.Addrs(), addr) })
}
