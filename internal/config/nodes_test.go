package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// nodesOf loads a config.ini of one section.
func nodesOf(t *testing.T, ini string, set map[string]string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), DefaultPath)
	if err := os.WriteFile(path, []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(LoadOptions{Path: path, Data: t.TempDir(), Hostname: "h", Overrides: set})
}

func TestNodes(t *testing.T) {
	for name, tc := range map[string]struct {
		ini   string
		addrs []string
		host  string // what Python programs are told
		port  int
	}{
		"none":            {"[server.broker]\nhost = a\nport = 1\n", []string{"a:1"}, "a", 1},
		"with ports":      {"[server.broker]\nhosts = a:5672, b:5673,c:5674\n", []string{"a:5672", "b:5673", "c:5674"}, "a", 5672},
		"one port":        {"[server.broker]\nport = 5672\nhosts = a, b, c:1\n", []string{"a:5672", "b:5672", "c:1"}, "a", 5672},
		"the port behind": {"[server.broker]\nhosts = a, b\nport = 5672\n", []string{"a:5672", "b:5672"}, "a", 5672},
		"the default":     {"[server.broker]\nhosts = a,b\n", []string{"a:9000", "b:9000"}, "a", 9000},
		"one for Python":  {"[server.broker]\nhosts = a:1,b:2\nhost = c\nport = 3\n", []string{"a:1", "b:2"}, "c", 3},
		"IPv6":            {"[server.broker]\nhosts = ::1, [::2]:7\nport = 6\n", []string{"[::1]:6", "[::2]:7"}, "::1", 6},
		"empty items":     {"[server.broker]\nhosts = ,a:1,,\n", []string{"a:1"}, "a", 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := nodesOf(t, tc.ini, nil)
			if err != nil {
				t.Fatal(err)
			}
			if b := c.ServerBroker; !slices.Equal(b.Addrs(), tc.addrs) || b.Host != tc.host || b.Port != tc.port {
				t.Errorf("got %q, %s:%d", b.Addrs(), b.Host, b.Port)
			}
			// What is written is read back alike.
			path := filepath.Join(t.TempDir(), "x", DefaultPath)
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := c.WriteEffective(path); err != nil {
				t.Fatal(err)
			}
			again, err := Load(LoadOptions{Path: path, Data: c.Data, Hostname: "h"})
			if err != nil || !slices.Equal(again.ServerBroker.Addrs(), tc.addrs) || again.ServerBroker.Host != tc.host || again.ServerBroker.Port != tc.port {
				t.Errorf("read back: %v, %+v", err, again)
			}
		})
	}
}

// TestAListIsNoHost: who writes the nodes where the host belongs is told where to.
func TestAListIsNoHost(t *testing.T) {
	_, err := nodesOf(t, "[server.broker]\nhost = a:1, b:1\n", nil)
	if err == nil || !strings.Contains(err.Error(), "a key of their own, hosts") {
		t.Errorf("got %v", err)
	}
}

func TestNodesThatAreNone(t *testing.T) {
	many := make([]string, maxNodes+1)
	for i := range many {
		many[i] = "h" + strings.Repeat("x", i)
	}
	for name, tc := range map[string]struct{ hosts, mode, part string }{
		"twice":          {"a:1,b:2,a:1", "auto", "a:1 twice"},
		"twice by port":  {"a,a:9000", "auto", "a:9000 twice"},
		"a URL":          {"amqp://a:1", "auto", `"amqp://a:1"`},
		"a word as port": {"a:x", "auto", `"a:x"`},
		"port 0":         {"a:0", "auto", "1..65535"},
		"no host":        {":5672", "auto", `":5672"`},
		"too many":       {strings.Join(many, ","), "auto", "33 nodes"},
		"embedded":       {"a:1,b:1", "embedded", "embedded broker's, which has one node"},
		"the client's":   {"x:1,localhost:8000", "auto", "is the client's broker too"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := nodesOf(t, "", map[string]string{"server.broker.hosts": tc.hosts, "broker.mode": tc.mode})
			if err == nil || !strings.Contains(err.Error(), tc.part) {
				t.Errorf("got %v, which does not say %s", err, tc.part)
			}
		})
	}
}
