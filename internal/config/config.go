package config

import (
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Config is the complete, checked configuration of one instance. Whoever binds
// a port that was configured as 0 writes the real one back before WriteEffective.
type Config struct {
	ClientBroker Broker
	ServerBroker Broker
	Gateway      Gateway
	Files        Files
	Store        Store
	Events       Events
	History      History
	Client       ClientParams
	Info         ClientInfo
	Broker       BrokerMode
	RPC          RPC
	Tasks        Tasks
	Auth         Auth
	ClientAuth   ClientAuth
	TLS          TLS
	Outbox       Outbox
	Log          Log

	// Data is the absolute path of the folder that holds all state of the instance.
	Data string

	path    string            // config.ini as found; empty when there is none
	dir     string            // its folder
	sources map[string]Source // by "section.key"
	loaded  map[string]string // what config.ini and the other layers said, normalised
}

// Broker is the address of an AMQP broker and the account there.
type Broker struct {
	Host     string
	Port     int      // 0: an embedded broker picks a free one
	Hosts    []string // host:port of a cluster's nodes; empty: Host and Port alone
	User     string
	Password Secret
	VHost    string
	TLS      bool
}

// Addr returns host:port.
func (b Broker) Addr() string { return net.JoinHostPort(b.Host, strconv.Itoa(b.Port)) }

// Addrs returns host:port of each node, at least one.
func (b Broker) Addrs() []string {
	if len(b.Hosts) > 0 {
		return b.Hosts
	}
	return []string{b.Addr()}
}

// URL returns the amqp URL, amqps with TLS, with the password in clear: not for logs.
func (b Broker) URL() string {
	u := url.URL{
		Scheme: "amqp", Host: b.Addr(), User: url.UserPassword(b.User, b.Password.Reveal()),
		Path: "/" + b.VHost, RawPath: "/" + url.PathEscape(b.VHost),
	}
	if b.TLS {
		u.Scheme = "amqps"
	}
	return u.String()
}

// Gateway is the cloud's HTTP gateway.
type Gateway struct {
	Host string // the address to listen on
	Port int
	URL  string // where clients find it; empty: see Config.GatewayURL
}

// Files is the cloud's server for task files.
type Files struct {
	Host      string // the address to listen on
	Port      int
	URL       string // where clients find it; empty: see Config.FilesURL
	MaxFileMB int    // largest accepted file, in units of 2^20 bytes
}

// MaxFileBytes returns the largest accepted file in bytes.
func (f Files) MaxFileBytes() int64 { return int64(f.MaxFileMB) << 20 }

// Store is the section [server.store]: where the cloud's services keep what they know.
type Store struct {
	URL          string // of a PostgreSQL database; "": SQLite files in the data folder
	PasswordFile string // absolute, with the password for it; "": there is none
	Connections  int    // of one store at most
}

// Events says whether services publish what they do to the queue "events".
type Events struct{ Register bool }

// History is the section [history]: what the cloud keeps of what happens.
type History struct {
	Records   bool          // services tell it what happens
	Keep      time.Duration // how long the cloud keeps it
	MaxEvents int           // how many events at most; the oldest go first
}

// Policy says how many of the offered tasks a client runs.
type Policy string

// The policies.
const (
	PolicyOne Policy = "one" // the first offered task that works
	PolicyAll Policy = "all" // up to MaxTasks of them at once
)

// ClientParams says how a client asks for tasks.
type ClientParams struct {
	RequestInterval time.Duration // between two polls
	Policy          Policy
	MaxTasks        int // at once, with PolicyAll
}

// Mode says which brokers an instance uses.
type Mode string

// The modes.
const (
	ModeAuto     Mode = "auto"     // external if one answers at the address, else embedded
	ModeExternal Mode = "external" // never embedded
	ModeEmbedded Mode = "embedded" // never external
)

// BrokerMode is the section [broker].
type BrokerMode struct {
	Mode   Mode
	Compat bool // declare queues exactly as Python peers do
	Queues QueueType
}

// QueueType says of which type the queues are that no peer in Python declares.
type QueueType string

// The types.
const (
	Classic QueueType = "classic" // on one node
	Quorum  QueueType = "quorum"  // on several nodes of a cluster
)

// RPC is the section [rpc].
type RPC struct {
	Timeout    time.Duration // of one call
	HideErrors bool          // answer "Internal error" instead of a failure's text
}

// Tasks says how task processes run.
type Tasks struct {
	Python          string        // the interpreter: a name on PATH or an absolute path
	Grace           time.Duration // between SIGTERM and SIGKILL
	WorkCloud       string        // absolute; holds tasks/ of the cloud
	WorkClient      string        // absolute; holds tasks/ and client_info/ of the client
	Quarantine      time.Duration // how long a client sets aside a task that crashed
	RestartAttempts int           // of what failed for want of something else, before it is set aside
	Stall           time.Duration // without a sign of life; 0: never stalled
	Environment     []string      // patterns of variables that tasks may see

	// Limits of one task; 0: none.
	MemoryMB, CPUPercent, Processes, OpenFiles, FileMB int

	Warm        []string // modules that a waiting interpreter has imported; none: none waits
	User        string   // account that tasks run as; "": AGATA's own
	TrustedKeys string   // absolute path of the allow-list of signers; "": none is set

	Lease     time.Duration // after which a task manager that is silent is taken for dead, where there are several
	Advertise string        // where clients find the servers of tasks that run here; "": as each task says
}

// AuthMode says whether who changes something must have signed in.
type AuthMode string

// The modes.
const (
	AuthAuto AuthMode = "auto" // on when the key file is there
	AuthOn   AuthMode = "on"
	AuthOff  AuthMode = "off"
)

// Auth is the section [auth]: who may do what at the cloud.
type Auth struct {
	Mode              AuthMode
	KeyFile           string        // absolute
	Peers             bool          // the contract's peers need no credentials
	Session           time.Duration // idle time after which a session ends
	SignInPerMinute   int
	RequestsPerSecond int
}

// ClientAuth is the section [client.auth]: what a client shows the cloud.
type ClientAuth struct {
	CredentialFile string // absolute
	Token          Secret // for enrolment
}

// TLS is the section [tls]; every path is absolute, or empty.
type TLS struct {
	Cert, Key             string // of this instance's servers
	CA                    string // that this instance trusts
	ClientCert, ClientKey string // that this instance shows
	RequireClientCert     bool
}

// Outbox is the section [outbox]: what waits on disk for a broker.
type Outbox struct{ MaxMB int }

// MaxBytes is the bound of one outbox in bytes.
func (o Outbox) MaxBytes() int64 { return int64(o.MaxMB) << 20 }

// Log formats.
const (
	LogAuto = "auto" // text on a terminal, else JSON
	LogText = "text"
	LogJSON = "json"
)

// Log is the section [log].
type Log struct {
	Level  slog.Level
	Format string // LogAuto, LogText or LogJSON
}

// GatewayURL returns where clients reach the cloud's gateway, without a trailing
// slash: server.gateway.url, or the cloud broker's host with the gateway's port.
func (c *Config) GatewayURL() string { return c.serverURL(c.Gateway.URL, c.Gateway.Port) }

// FilesURL returns where clients fetch task files, without a trailing slash.
func (c *Config) FilesURL() string { return c.serverURL(c.Files.URL, c.Files.Port) }

func (c *Config) serverURL(explicit string, port int) string {
	if explicit != "" {
		return strings.TrimRight(explicit, "/")
	}
	scheme := "http://"
	if c.TLS.Cert != "" || c.TLS.CA != "" {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(c.ServerBroker.Host, strconv.Itoa(port))
}

// SharedStore tells whether what the cloud's services know is where several of each
// can work on it, by server.store.url, and not in files of each one.
func (c *Config) SharedStore() bool { return c.Store.URL != "" }

// Path returns the config.ini that was read, or "" when there was none.
func (c *Config) Path() string { return c.path }

// Dir returns the absolute folder of config.ini, or the data folder when there
// is no config.ini. Task processes run in the folder that TaskDir returns.
func (c *Config) Dir() string { return c.dir }

// Source returns where the value of "section.key" came from; the zero Source
// for a key that does not exist.
func (c *Config) Source(name string) Source { return c.sources[name] }
