package history

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is the present of tests whose clock stands still.
const noon = 1_750_000_000.0

// clock is a clock that stands still.
type clock struct{ at float64 }

func (c *clock) now() time.Time { return time.UnixMicro(int64(c.at * 1e6)) }

// open opens a history whose present is noon.
func open(t testing.TB, opt Options) *Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "history.db"), opt)
}

func openAt(t testing.TB, path string, opt Options) *Store {
	t.Helper()
	if opt.Now == nil {
		opt.Now = (&clock{noon}).now
	}
	opt.Database = database.Server{URL: testenv.Store(t, filepath.Dir(path))}
	s, err := Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// add adds records, and wants n of them to be new.
func add(t testing.TB, s *Store, n int, records ...contract.Record) {
	t.Helper()
	added, err := s.Add(t.Context(), records)
	if err != nil || added != n {
		t.Fatalf("added %d, %v; want %d", added, err, n)
	}
}

// event is an event some seconds after noon.
func event(after float64, client, service, task, text string) contract.Record {
	return contract.Record{ID: uuid.NewString(), Kind: contract.RecordEvent, Time: noon + after, Client: client, About: contract.About{Task: task},
		Event: &contract.Event{Service: service, Function: "f", Event: text}}
}

func round(after float64, about contract.About, client, side, round, acc string) contract.Record {
	return contract.Record{ID: uuid.NewString(), Kind: contract.RecordRound, Time: noon + after, Client: client, About: about,
		Round: &contract.Round{Side: side, Round: round, Acc: acc}}
}

func run(after float64, id, client, task, state string) contract.Record {
	r := contract.Record{ID: uuid.NewString(), Kind: contract.RecordExecution, Time: noon + after, Client: client, About: contract.About{Task: task, Execution: id},
		Run: &contract.ExecutionRun{Side: contract.SideClient, State: contract.State(state), Started: noon}}
	if client == "" {
		r.Run.Side = contract.SideServer
	}
	if state != "running" {
		r.Run.Ended = noon + after
	}
	return r
}

func state(after float64, client, lastError string) contract.Record {
	return contract.Record{ID: uuid.NewString(), Kind: contract.RecordClient, Time: noon + after, Client: client,
		State: &contract.ClientState{UserID: client, LastError: lastError}}
}

func texts(entries []Entry) (list []string) {
	for _, e := range entries {
		list = append(list, e.Event.Event)
	}
	return list
}
