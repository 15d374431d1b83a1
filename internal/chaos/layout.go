package chaos

import (
	"path/filepath"
	"slices"
	"strings"
)

// cloudBroker is the name of the cloud's broker.
const cloudBroker = "cloud-broker"

// The clients of a system. Both match tasks for everyone; only the first has the
// data that some tasks ask for.
var clients = []string{"ada", "bob"}

// link names the way between two processes, and ends takes the name apart.
func link(from, to string) string { return from + ">" + to }

func ends(link string) (from, to string) {
	from, to, _ = strings.Cut(link, ">")
	return from, to
}

// brokers are the names of the system's brokers.
func brokers() []string {
	names := []string{cloudBroker}
	for _, c := range clients {
		names = append(names, c+"-broker")
	}
	return names
}

// services are the names of the processes beside the brokers, and which broker
// each is at.
func services() map[string]string {
	m := map[string]string{"user-manager": cloudBroker, "cloud-task-manager": cloudBroker, "cloud-gateway": cloudBroker}
	for _, c := range clients {
		m[c+"-gateway"], m[c+"-manager"] = c+"-broker", c+"-broker"
	}
	return m
}

// links are the ways between processes.
func links() []string {
	names := []string{link("cloud-gateway", "files")}
	for s, b := range services() {
		names = append(names, link(s, b))
	}
	for _, c := range clients {
		names = append(names, link(c+"-gateway", "gateway"), link(c+"-manager", "files"))
	}
	slices.Sort(names)
	return names
}

func isBroker(name string) bool { return slices.Contains(brokers(), name) }

// cloudWork is the work folder of the cloud, and clientWork that of a client.
func (s *System) cloudWork() string { return filepath.Join(s.dir, "cloud-task-manager", "cloud") }

func (s *System) clientWork(client string) string {
	return filepath.Join(s.dir, client+"-manager", "client")
}
