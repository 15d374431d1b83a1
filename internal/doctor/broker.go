package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/pkg/contract"
)

// What keeps one from using a broker.
var (
	ErrNotAMQP     = errors.New("what answers there does not speak AMQP 0-9-1")
	ErrCredentials = errors.New("the broker refuses the user name or password")
	ErrVHost       = errors.New("the broker has no such virtual host for this user")
)

// side is one of the two brokers, with the queues that peers declare on it.
type side struct {
	name    string // cloud or client
	section string // of config.ini
	broker  config.Broker
	queues  []string
}

func sides(cfg *config.Config) []side {
	return []side{
		{"cloud", "server.broker", cfg.ServerBroker, []string{
			contract.CreateTask.Name, contract.StartServerTask.Name, contract.StopServerTask.Name, contract.UpdateTask.Name,
			contract.GetTask.Name, contract.RequestTasks.Name, contract.UpdateUser.Name, contract.GetUser.Name, contract.EventsQueue,
		}},
		{"client", "client.broker", cfg.ClientBroker, []string{
			contract.RequestTasks.Name, contract.UpdateUser.Name, contract.EventsQueue,
		}},
	}
}

const mendNoBroker = "apt-get install rabbitmq-server, or docker compose up, or mode = auto in section [broker] of config.ini"

// broker asks whether services will find, or can embed, the broker of a side.
func broker(ctx context.Context, p Probes, mode config.Mode, s side) Result {
	if len(s.broker.Hosts) > 0 {
		return cluster(ctx, p, s)
	}
	return brokerAt(ctx, p, mode, s)
}

// cluster asks each node at once. Services do with one; that another is away is worth
// a word.
func cluster(ctx context.Context, p Probes, s side) Result {
	nodes := nodesOf(s.broker)
	results := make([]Result, len(nodes))
	var wg sync.WaitGroup
	for i, node := range nodes {
		wg.Go(func() {
			at := s
			at.broker = node
			results[i] = brokerAt(ctx, p, config.ModeExternal, at)
		})
	}
	wg.Wait()
	bad := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Status == OK })
	switch {
	case len(bad) == 0:
		return ok("%d nodes: %s, and the others", len(nodes), results[0].Found)
	case len(bad) == len(nodes):
		return bad[0]
	}
	return warning(bad[0].Mend, "%d of %d nodes do not serve: %s", len(bad), len(nodes), bad[0].Found)
}

// nodesOf are a cluster's nodes, each as a broker of its own.
func nodesOf(b config.Broker) []config.Broker {
	var nodes []config.Broker
	for _, addr := range b.Addrs() {
		node := b
		node.Hosts = nil
		if host, port, err := net.SplitHostPort(addr); err == nil {
			node.Host = host
			node.Port, _ = strconv.Atoi(port) // it was read as a number
		}
		nodes = append(nodes, node)
	}
	return nodes
}

func brokerAt(ctx context.Context, p Probes, mode config.Mode, s side) Result {
	b, addr := s.broker, s.broker.Addr()
	if b.Port == 0 {
		return ok("embedded, on a port that is free at the time")
	}
	product, err := p.Broker(ctx, b)
	setting := func(keys string) string { return fmt.Sprintf("set %s in section [%s] of config.ini", keys, s.section) }
	switch {
	case err == nil && mode == config.ModeEmbedded && product != embeddedProduct:
		return failed("stop that broker, or "+setting("port")+", or mode = external in section [broker]",
			"mode is embedded, but %s already answers at %s", product, addr)
	case err == nil:
		return ok("%s answers at %s and accepts %s", product, addr, b.User)
	case errors.Is(err, ErrCredentials):
		return failed(setting("user and password"), "the broker at %s refuses the user %s or its password", addr, b.User)
	case errors.Is(err, ErrVHost):
		return failed(setting("vhost")+", or rabbitmqctl add_vhost "+b.VHost+" and set_permissions for "+b.User,
			"the broker at %s has no virtual host %s that %s may use", addr, b.VHost, b.User)
	case pki.Advice(err) != "":
		return failed(pki.Advice(err), "no secure way to the broker at %s: %v", addr, err)
	case errors.Is(err, ErrNotAMQP):
		return failed("stop what uses the port, or "+setting("port"), "something at %s answers, but not in AMQP 0-9-1", addr)
	case !errors.Is(err, syscall.ECONNREFUSED):
		return failed("start the broker there and let its port through, or "+setting("host and port"),
			"the broker at %s does not answer: %v", addr, err)
	case mode == config.ModeExternal:
		return failed(mendNoBroker, "nothing is there at %s, and mode is external", addr)
	}
	if err := p.Listen(ctx, addr); err != nil {
		return failed("start a broker there, or "+setting("host and port"),
			"nothing is there at %s, and an embedded broker cannot be there either: %v", addr, err)
	}
	return ok("nothing is there at %s: agata up will embed a broker (mode %s)", addr, mode)
}

// queues asks whether other peers declared queues in another way than services
// will, which the broker would refuse them.
func queues(ctx context.Context, p Probes, how config.BrokerMode, s side) Result {
	if s.broker.Port == 0 {
		return ok("none yet: the broker is embedded")
	}
	compat := how.Compat
	var differ []string
	var err error
	for _, node := range nodesOf(s.broker) { // one that answers knows them all
		if differ, err = p.Queues(ctx, node, how, s.queues); err == nil {
			break
		}
	}
	want := !compat
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return ok("none yet: nothing is there at %s", s.broker.Addr())
	case err != nil:
		return warning("see the "+s.name+" broker", "the queues could not be looked at: %v", err)
	case len(differ) > 0:
		return failed(fmt.Sprintf("set compat = %t in section [broker] of config.ini, or queue_type as the others have it, or delete these queues: rabbitmqctl delete_queue NAME", want),
			"other peers, as Python ones do, declared queues in another way than compat = %t and queue_type = %s do: %s", compat, how.Queues, strings.Join(differ, ", "))
	}
	return ok("none that differs from compat = %t and queue_type = %s", compat, how.Queues)
}
