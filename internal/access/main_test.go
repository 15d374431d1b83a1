package access

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cheap makes passwords quick to look at, where they are not what is tested.
var cheap = cost{memoryKiB: 8, passes: 1, threads: 1}

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a store and its time.
type world struct {
	*Store
	t     *testing.T
	clock *clock
	path  string
}

const password = "correct horse"

// newWorld makes one with the operators ada (admin), otto (operator) and vera
// (viewer).
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: newClock(), path: filepath.Join(t.TempDir(), File)}
	w.Store = w.open()
	for name, role := range map[string]contract.Role{"ada": contract.RoleAdmin, "otto": contract.RoleOperator, "vera": contract.RoleViewer} {
		if err := w.AddOperator(t.Context(), name, role, password); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// server is where the accounts of a folder are in this run of the tests.
func server(t testing.TB, folder string) database.Server {
	t.Helper()
	return database.Server{URL: testenv.Store(t, folder)}
}

// open opens the store once more, as another process would.
func (w *world) open() *Store {
	w.t.Helper()
	s, err := open(w.t.Context(), w.path, Options{Session: time.Hour, Now: w.clock.time, Database: server(w.t, filepath.Dir(w.path))}, cheap)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return s
}

func (w *world) signIn(name string) string {
	w.t.Helper()
	in, err := w.SignIn(w.t.Context(), name, password)
	if err != nil {
		w.t.Fatal(err)
	}
	return in.Token
}

// want checks whose token it is; "" means nobody's.
func (w *world) want(token, who string) {
	w.t.Helper()
	w.wantAt(w.Store, token, who)
}

func (w *world) wantAt(s *Store, token, who string) {
	w.t.Helper()
	id, err := s.Authenticate(w.t.Context(), token)
	switch {
	case who == "" && rpc.CodeOf(err) != rpc.Unauthorized:
		w.t.Errorf("the token is %s's (%v), want nobody's", id, err)
	case who != "" && (err != nil || id.String() != who):
		w.t.Errorf("the token is %s's (%v), want %s's", id, err, who)
	}
	if err2 := s.Check(w.t.Context(), token); (err == nil) != (err2 == nil) {
		w.t.Errorf("Authenticate says %v, Check %v", err, err2)
	}
}

func wantCode(t *testing.T, err error, code rpc.Code) {
	t.Helper()
	if rpc.CodeOf(err) != code {
		t.Errorf("got %v (%s), want %s", err, rpc.CodeOf(err), code)
	}
}
