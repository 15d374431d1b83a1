package doctor

import (
	"context"
	"net/http"
	"time"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
)

// Probes are the ways in which checks see the machine and its neighbours.
// [System] has the real ones.
type Probes struct {
	// Run runs a program and returns what it wrote to its standard output. The
	// error of one that is not there is [os/exec.ErrNotFound] or
	// [io/fs.ErrNotExist].
	Run func(ctx context.Context, program string, args ...string) (string, error)
	// Broker connects to a broker and opens its virtual host. The error is one
	// of the Err values of this package, or another one of the network.
	Broker func(ctx context.Context, b config.Broker) (product string, err error)
	// Queues returns those of the named queues that the broker has and that were
	// declared in another way than this configuration's.
	Queues func(ctx context.Context, b config.Broker, how config.BrokerMode, names []string) ([]string, error)
	// Database connects to a PostgreSQL database, and tells its version, and whether
	// its user has the services' schemas or may make them.
	Database func(ctx context.Context, s config.Store) (version string, usable bool, err error)
	// Listen binds an address and lets go of it.
	Listen func(ctx context.Context, addr string) error
	// Certificates describes those that the configuration names; the error joins what
	// keeps one from being used.
	Certificates func(c config.TLS, now time.Time) ([]pki.Entry, error)
	// HTTP sends a request without a body.
	HTTP func(ctx context.Context, method, url string) (Answer, error)
	// Writable makes and removes a file in a folder, which exists.
	Writable func(dir string) error
	// Exists tells whether a path is there, and is a folder.
	Exists func(path string) (there, folder bool, err error)
	// Free returns the bytes that this user may still write below a folder.
	Free func(dir string) (uint64, error)
	// OpenFiles returns how many files this process may have open.
	OpenFiles func() (uint64, error)
	// Account tells why tasks cannot run as an account; "" is this process's own.
	Account func(name string) error
	// Controllers returns those of the named controllers that no cgroup of a task
	// can have. The error says why none can.
	Controllers func(wanted []string) (missing []string, err error)
	Now         func() time.Time
}

// Answer is what an HTTP server said; of the body only the beginning.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}
