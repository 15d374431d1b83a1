package config

import (
	"math"
	"strings"
	"time"
)

// field binds a key of config.ini to its place in the Config. The table is the
// one truth: loading, the environment, writing, describing and the
// documentation all follow it.
type field struct {
	name  string // "client.broker.port"
	def   string // may be empty: see derive
	doc   string
	value func(*Config) value
	peers bool                 // Python programs read it from config.ini
	shown func(*Config) string // what is in effect when the value is empty
}

func (f field) section() string { return f.name[:strings.LastIndexByte(f.name, '.')] }
func (f field) key() string     { return f.name[strings.LastIndexByte(f.name, '.')+1:] }
func (f field) env() string     { return envName(f.name) }

func envName(name string) string {
	return "AGATA_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(name))
}

const infoSection = "client.info"

func fields() []field {
	var table []field
	section := ""
	add := func(key, def, doc string, v func(*Config) value) *field {
		table = append(table, field{name: section + "." + key, def: def, doc: doc, value: v})
		return &table[len(table)-1]
	}
	broker := func(port, whose string, at func(*Config) *Broker) {
		add("host", "localhost", "host of the "+whose+" broker", str(func(c *Config) *string { return &at(c).Host }, hostName)).peers = true
		add("port", port, "its AMQP port; 0: an embedded broker picks a free one", portNumber(func(c *Config) *int { return &at(c).Port })).peers = true
		add("hosts", "", "nodes of a RabbitMQ cluster in place of host and port, each host:port, separated by commas; without a port it is port", func(c *Config) value { return nodesValue{at(c)} })
		add("user", "guest", "account at the broker", str(func(c *Config) *string { return &at(c).User }, nonEmpty))
		add("password", "guest", "its password", func(c *Config) value { return secretValue{&at(c).Password} })
		add("vhost", "/", "virtual host at the broker", str(func(c *Config) *string { return &at(c).VHost }, nonEmpty))
		add("tls", "false", "speak AMQP over TLS, with the files of [tls]", truth(func(c *Config) *bool { return &at(c).TLS }))
	}

	section = "client.broker"
	broker("8000", "client's", func(c *Config) *Broker { return &c.ClientBroker })
	section = "server.broker"
	broker("9000", "cloud's", func(c *Config) *Broker { return &c.ServerBroker })

	section = "server.gateway"
	add("host", "127.0.0.1", "address to listen on; beyond loopback, such as 0.0.0.0 for all, only with credentials", str(func(c *Config) *string { return &c.Gateway.Host }, hostName))
	add("port", "9001", "HTTP port of the cloud's gateway; 0 picks a free one", portNumber(func(c *Config) *int { return &c.Gateway.Port })).peers = true
	add("url", "", "where clients reach the gateway; default: server.broker.host and the port, by https with tls.cert or tls.ca",
		str(func(c *Config) *string { return &c.Gateway.URL }, baseURL)).shown = (*Config).GatewayURL

	section = "server.files"
	add("host", "127.0.0.1", "address to listen on; beyond loopback, such as 0.0.0.0 for all, only with credentials", str(func(c *Config) *string { return &c.Files.Host }, hostName))
	add("port", "5000", "HTTP port for download and upload of task files; 0 picks a free one", portNumber(func(c *Config) *int { return &c.Files.Port }))
	add("url", "", "where clients fetch task files; default: server.broker.host and the port, by https with tls.cert or tls.ca",
		str(func(c *Config) *string { return &c.Files.URL }, baseURL)).shown = (*Config).FilesURL
	add("max_file_mb", "512", "largest accepted file, in MiB; on a client, of a download", func(c *Config) value {
		return intValue{&c.Files.MaxFileMB, 1, 1 << 20, "a size in MiB"}
	})

	section = "server.store"
	add("url", "", "PostgreSQL database of the cloud's services, such as postgres://agata@host:5432/agata, without a password; default: SQLite files in the data folder",
		func(c *Config) value { return databaseValue{stringValue{&c.Store.URL, databaseURL}} })
	add("password_file", "", "file with its password; default: PGPASSWORD or ~/.pgpass", str(func(c *Config) *string { return &c.Store.PasswordFile }, anyText))
	add("connections", "8", "connections to it of each of the cloud's four stores at most", func(c *Config) value {
		return intValue{&c.Store.Connections, 2, 1000, "a number of connections"}
	})

	section = "events"
	add("register_events", "false", "publish what services do to the queue events",
		truth(func(c *Config) *bool { return &c.Events.Register })).peers = true

	section = "history"
	add("records", "true", "tell the cloud's history what happens here: events, rounds, executions", truth(func(c *Config) *bool { return &c.History.Records }))
	add("keep_days", "30", "days for which the cloud keeps it",
		span(func(c *Config) *time.Duration { return &c.History.Keep }, 24*time.Hour, 24*time.Hour/10, 3650*24*time.Hour))
	add("max_events", "5000000", "events that the cloud keeps at most; the oldest go first", func(c *Config) value {
		return intValue{&c.History.MaxEvents, 1000, 1_000_000_000, "a number of events"}
	})

	section = "client.params"
	add("request_interval", "10", "seconds between two requests for tasks",
		span(func(c *Config) *time.Duration { return &c.Client.RequestInterval }, time.Second, 10*time.Millisecond, 24*time.Hour)).peers = true
	add("policy", "one", "one: run one offered task; all: run up to max_tasks at once", func(c *Config) value {
		return choiceValue[Policy]{&c.Client.Policy, []Policy{PolicyOne, PolicyAll}}
	})
	add("max_tasks", "4", "tasks at once with policy=all", func(c *Config) value {
		return intValue{&c.Client.MaxTasks, 1, 1024, "a number of tasks"}
	})

	section = infoSection
	add("user_id", "", "the client's identifier; default: the host's name", str(func(c *Config) *string { return &c.Info.UserID }, userID))
	add("data_qnt", "0", "samples that the client holds", func(c *Config) value {
		return intValue{&c.Info.DataQnt, 0, math.MaxInt32, "a number of samples"}
	})
	add("sensors", "camera,ecu", "the client's sensors, separated by commas", func(c *Config) value { return listValue{&c.Info.Sensors} })

	section = "broker"
	add("mode", "auto", "auto: an external broker if one answers, else the embedded one; external; embedded", func(c *Config) value {
		return choiceValue[Mode]{&c.Broker.Mode, []Mode{ModeAuto, ModeExternal, ModeEmbedded}}
	})
	add("compat", "false", "declare queues exactly as Python peers do", truth(func(c *Config) *bool { return &c.Broker.Compat }))
	add("queue_type", "classic", "of durable queues: classic, on one node; quorum, replicated by a RabbitMQ cluster", func(c *Config) value {
		return choiceValue[QueueType]{&c.Broker.Queues, []QueueType{Classic, Quorum}}
	})

	section = "rpc"
	add("timeout", "10", "seconds that a call may take",
		span(func(c *Config) *time.Duration { return &c.RPC.Timeout }, time.Second, 10*time.Millisecond, time.Hour))
	add("hide_errors", "false", `answer "Internal error" instead of a failure's text`, truth(func(c *Config) *bool { return &c.RPC.HideErrors }))

	section = "tasks"
	add("python", "python3", "interpreter of task programs", str(func(c *Config) *string { return &c.Tasks.Python }, nonEmpty))
	add("grace", "5", "seconds between SIGTERM and SIGKILL when a task is stopped",
		span(func(c *Config) *time.Duration { return &c.Tasks.Grace }, time.Second, 0, 10*time.Minute))
	add("work_cloud", "", "work folder of the cloud; default: cloud in the data folder", str(func(c *Config) *string { return &c.Tasks.WorkCloud }, anyText))
	add("work_client", "", "work folder of the client; default: client in the data folder", str(func(c *Config) *string { return &c.Tasks.WorkClient }, anyText))
	add("quarantine_minutes", "60", "minutes for which a client sets aside a task that crashed",
		span(func(c *Config) *time.Duration { return &c.Tasks.Quarantine }, time.Minute, 0, 7*24*time.Hour))
	add("restart_attempts", "2", "how often a client tries a task again that failed for want of something else (its server, its files), before it is set aside for a minute", func(c *Config) value {
		return intValue{&c.Tasks.RestartAttempts, 0, 100, "a number of restarts"}
	})

	add("stall_minutes", "10", "minutes without a sign of life after which a client's task that does not compute is stopped as stalled, unless its own rhythm is slower; one is marked as stalled earlier; 0: never",
		span(func(c *Config) *time.Duration { return &c.Tasks.Stall }, time.Minute, 0, 7*24*time.Hour))
	add("environment", "", "variables that tasks may see beside the usual ones, separated by commas; * at an end matches any", func(c *Config) value {
		return listValue{&c.Tasks.Environment}
	})
	limit := func(key, doc string, at func(*Config) *int) {
		add(key, "0", doc+"; 0: no limit", func(c *Config) value { return intValue{at(c), 0, 1 << 30, "a limit"} })
	}
	limit("memory_mb", "memory of one task with all its processes, in MiB", func(c *Config) *int { return &c.Tasks.MemoryMB })
	limit("cpu_percent", "processor time of one task, in percent of one core", func(c *Config) *int { return &c.Tasks.CPUPercent })
	limit("processes", "processes and threads of one task", func(c *Config) *int { return &c.Tasks.Processes })
	limit("open_files", "open files of each process of a task", func(c *Config) *int { return &c.Tasks.OpenFiles })
	limit("file_mb", "largest file that a task may write, in MiB", func(c *Config) *int { return &c.Tasks.FileMB })
	add("warm", "", "modules that an interpreter imports before there is a task for it, separated by commas, for tasks that ask for it; default: none waits", func(c *Config) value {
		return listValue{&c.Tasks.Warm}
	})
	add("user", "", "account that tasks run as, when AGATA is started as root; default: AGATA's own", str(func(c *Config) *string { return &c.Tasks.User }, anyText))
	add("trusted_keys", "", "file with the public keys of those whose signed code may run here, one a line; default: all code may",
		str(func(c *Config) *string { return &c.Tasks.TrustedKeys }, anyText))

	add("lease", "30", "seconds after which a task manager of the cloud that was not heard of counts as dead, where several share a database, and its tasks as lost",
		span(func(c *Config) *time.Duration { return &c.Tasks.Lease }, time.Second, 5*time.Second, time.Hour))
	add("advertise", "", "host at which clients find the servers of tasks that run here, in place of the host of the task; default: that of the task",
		str(func(c *Config) *string { return &c.Tasks.Advertise }, anyText))

	section = "auth"
	add("mode", "auto", "on: who changes something must have signed in; off; auto: on when the key file is there", func(c *Config) value {
		return choiceValue[AuthMode]{&c.Auth.Mode, []AuthMode{AuthAuto, AuthOn, AuthOff}}
	})
	add("key_file", "", "key that the cloud's services share; default: cloud.key in the data folder", str(func(c *Config) *string { return &c.Auth.KeyFile }, anyText))
	add("peers", "false", "admit peers of the wire contract, which have no credentials", truth(func(c *Config) *bool { return &c.Auth.Peers }))
	add("session_hours", "12", "hours without a request after which an operator must sign in again",
		span(func(c *Config) *time.Duration { return &c.Auth.Session }, time.Hour, time.Minute, 365*24*time.Hour))
	add("sign_in_per_minute", "10", "attempts to sign in, of an address and for an account", func(c *Config) value {
		return intValue{&c.Auth.SignInPerMinute, 1, 10_000, "a number of attempts"}
	})
	add("requests_per_second", "200", "requests of one caller at the gateway; ten times as many at once", func(c *Config) value {
		return intValue{&c.Auth.RequestsPerSecond, 1, 1_000_000, "a number of requests"}
	})

	section = "client.auth"
	add("credential_file", "", "what this client shows the cloud; default: client.credential in the data folder",
		str(func(c *Config) *string { return &c.ClientAuth.CredentialFile }, anyText))
	add("token", "", "one-time token with which the client enrols when it has no credential", func(c *Config) value { return secretValue{&c.ClientAuth.Token} })

	section = "tls"
	file := func(key, doc string, at func(*Config) *string) { add(key, "", doc, str(at, anyText)) }
	file("cert", "certificate chain that servers of this instance show, in PEM; default: no TLS", func(c *Config) *string { return &c.TLS.Cert })
	file("key", "its private key", func(c *Config) *string { return &c.TLS.Key })
	file("ca", "authorities that this instance trusts, in PEM; default: those of the system", func(c *Config) *string { return &c.TLS.CA })
	file("client_cert", "certificate that this instance shows to servers that ask for one", func(c *Config) *string { return &c.TLS.ClientCert })
	file("client_key", "its private key", func(c *Config) *string { return &c.TLS.ClientKey })
	add("require_client_cert", "false", "servers of this instance serve only who shows a certificate of ca (mutual TLS)",
		truth(func(c *Config) *bool { return &c.TLS.RequireClientCert }))

	section = "outbox"
	add("max_mb", "64", "events and records that wait on disk for a broker that is away, of each service and queue, in MiB; then the oldest go", func(c *Config) value {
		return intValue{&c.Outbox.MaxMB, 1, 1 << 20, "a size in MiB"}
	})

	section = "log"
	add("level", "info", "debug, info, warn or error", func(c *Config) value { return levelValue{&c.Log.Level} })
	add("format", "auto", "text, json, or auto: text on a terminal, else json", func(c *Config) value {
		return choiceValue[string]{&c.Log.Format, []string{LogAuto, LogText, LogJSON}}
	})
	return table
}

func str(at func(*Config) *string, check func(string) *problem) func(*Config) value {
	return func(c *Config) value { return stringValue{at(c), check} }
}

func portNumber(at func(*Config) *int) func(*Config) value {
	return func(c *Config) value { return intValue{at(c), 0, 65535, "a port"} }
}

func truth(at func(*Config) *bool) func(*Config) value {
	return func(c *Config) value { return boolValue{at(c)} }
}

func span(at func(*Config) *time.Duration, unit, lo, hi time.Duration) func(*Config) value {
	return func(c *Config) value { return durationValue{at(c), unit, lo, hi} }
}
