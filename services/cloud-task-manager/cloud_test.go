package cloudtaskmanager

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// cloud is a broker with a user manager that knows some clients, and the folders
// of task managers that come and go.
type cloud struct {
	testing.TB
	broker  amqpx.Options
	schemas *contract.Schemas
	caller  *amqpx.Transport
	dir     string

	mu     sync.Mutex
	users  map[string]contract.User
	ids    []string // of users, sorted; nil: to be sorted
	listed int      // calls of the list
	deaf   error    // what the list answers instead
}

// newCloud is a cloud on the embedded broker.
func newCloud(t testing.TB) *cloud {
	t.Helper()
	broker, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	addr := broker.Addr().(*net.TCPAddr)
	return newCloudOn(t, amqpx.Options{Host: addr.IP.String(), Port: addr.Port}, broker.Run)
}

// newCloudOn is a cloud on any broker, which runs beside it if need be.
func newCloudOn(t testing.TB, at amqpx.Options, broker func(context.Context) error) *cloud {
	t.Helper()
	c := &cloud{TB: t, broker: at, dir: t.TempDir(), users: map[string]contract.User{}}
	var err error
	if c.schemas, err = contract.CompileSchemas(); err != nil {
		t.Fatal(err)
	}
	if broker != nil {
		c.background(broker)
	}
	c.caller = c.transport()

	manager, err := baseservice.New(baseservice.Options{Name: "user-manager", Transport: c.caller, Schemas: c.schemas})
	if err != nil {
		t.Fatal(err)
	}
	baseservice.Handle(manager, contract.GetUser, func(_ context.Context, req contract.UserIDRequest) (contract.User, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		u, ok := c.users[req.UserID]
		if !ok {
			return u, rpc.Text(rpc.NotFound, contract.UserNotRegistered(req.UserID))
		}
		return u, nil
	})
	baseservice.Handle(manager, contract.ListUsers, c.listUsers)
	c.background(manager.Run)
	<-manager.Started()
	return c
}

// listUsers is the user manager's list.
func (c *cloud) listUsers(_ context.Context, req contract.ListRequest) (contract.UserList, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	page := contract.UserList{Users: []contract.User{}}
	if c.listed++; c.deaf != nil {
		return page, c.deaf
	}
	if req.Limit == 0 {
		req.Limit = 100
	}
	if c.ids == nil {
		c.ids = slices.Sorted(maps.Keys(c.users))
	}
	for _, id := range c.ids {
		if !strings.Contains(strings.ToLower(id), strings.ToLower(req.Query)) {
			continue
		}
		page.Total++
		switch {
		case id <= req.After:
		case len(page.Users) < req.Limit:
			page.Users = append(page.Users, c.users[id])
		case page.Next == "":
			page.Next = page.Users[len(page.Users)-1].ID
		}
	}
	return page, nil
}

// background runs something until the end of the test, or until stop is called.
func (c *cloud) background(run func(context.Context) error) (stop func()) {
	c.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			c.Errorf("it did not end well: %v", err)
		}
	})
	c.Cleanup(stop)
	return stop
}

func (c *cloud) transport() *amqpx.Transport {
	c.Helper()
	transport, err := amqpx.New(c.broker)
	if err != nil {
		c.Fatal(err)
	}
	c.background(transport.Run)
	return transport
}

// silence makes the user manager's list fail.
func (c *cloud) silence(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = err
}

// user registers a client.
func (c *cloud) user(u contract.User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u.CreationDate, u.LastModDate = contract.Date{Time: time.Now()}, contract.Date{Time: time.Now()}
	c.users[u.ID], c.ids = u, nil
}

// manager is a task manager that runs.
type manager struct {
	*Service
	c    *cloud
	log  *lockedBuffer
	stop func()
}

// server is where the stores of the cloud are in this run of the tests.
func (c *cloud) server() database.Server {
	c.Helper()
	return database.Server{URL: testenv.Store(c, c.dir)}
}

// manager starts a task manager on the cloud's folders. Those before it must have
// been stopped.
func (c *cloud) manager(adjust ...func(*Options)) *manager {
	c.Helper()
	m := &manager{c: c, log: &lockedBuffer{}}
	opt := Options{
		Base: baseservice.Options{
			Transport: c.transport(), Schemas: c.schemas, Events: true, Records: true, Registerer: prometheus.NewRegistry(),
			Logger: slog.New(slog.NewTextHandler(m.log, nil)),
		},
		Database: c.server(),
		Data:     filepath.Join(c.dir, "data"), Work: filepath.Join(c.dir, "work"), FilesAddr: "127.0.0.1:0",
		PythonPath: []string{"/first", "/second"}, Grace: 2 * time.Second,
	}
	for _, f := range adjust {
		f(&opt)
	}
	var err error
	if m.Service, err = New(opt); err != nil {
		c.Fatal(err)
	}
	m.stop = c.background(m.Run)
	select {
	case <-m.Started():
	case <-time.After(10 * time.Second):
		c.Fatal("the service did not start: ", m.log)
	}
	return m
}

func keepTasks(o *Options) { o.KeepTasks = true }

// lockedBuffer is a log that the test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
