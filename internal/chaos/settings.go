package chaos

import (
	"maps"
	"slices"
	"strconv"
)

// arguments start a service or an embedded broker.
func (s *System) arguments(name string) []string {
	set, args := map[string]string{"server.broker.port": "0", "client.broker.port": "0", "server.broker.host": "127.0.0.1"}, []string{"broker"}
	if !isBroker(name) {
		var service string
		service, set = s.service(name)
		args = []string{"serve", service}
	}
	maps.Copy(set, s.closure(name))
	maps.Copy(set, s.opt.Settings)
	for _, key := range slices.Sorted(maps.Keys(set)) {
		args = append(args, "--set", key+"="+set[key])
	}
	return args
}

// service is what a process serves, and its settings.
func (s *System) service(name string) (service string, set map[string]string) {
	broker := services()[name]
	section, service := "server.broker", name
	set = map[string]string{
		"broker.mode": "external", "rpc.timeout": "3", "tasks.python": s.opt.Python, "tasks.grace": "2",
		"server.gateway.port": "0", "server.files.port": "0", "server.broker.host": "127.0.0.1", "client.broker.host": "127.0.0.1",
		"server.broker.port": "1", "client.broker.port": "1", // none: each has its own
		"client.params.request_interval": "0.3", "client.params.policy": "all", "client.params.max_tasks": "4",
		"tasks.quarantine_minutes": "0.02", "log.level": "info",
	}
	for i, c := range clients {
		if broker != c+"-broker" {
			continue
		}
		section = "client.broker"
		set["client.info.user_id"], set["client.info.data_qnt"] = c, strconv.Itoa(60-50*i)
		set["server.gateway.url"] = s.scheme() + s.links[link(c+"-gateway", "gateway")].Addr()
		set["server.files.url"] = s.scheme() + s.links[link(c+"-manager", "files")].Addr()
		service = map[string]string{c + "-gateway": "client-gateway", c + "-manager": "client-task-manager"}[name]
	}
	if name == "cloud-gateway" {
		set["server.files.url"] = s.scheme() + s.links[link(name, "files")].Addr()
	}
	set[section+".port"] = strconv.Itoa(s.links[link(name, broker)].Port())
	set[section+".vhost"] = s.vhost(broker)
	return service, set
}
