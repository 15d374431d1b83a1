package chaos

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agata-fl/agata/pkg/contract"

	_ "modernc.org/sqlite" // the driver "sqlite", to read the record of tasks
)

// Invariant is something that must hold at every moment, or at the end.
type Invariant string

// The invariants, and what each forgives.
const (
	// OneProcess: never two processes of one task at one place. Two readings of the
	// kernel's list in a row must show both: a list is no snapshot.
	OneProcess Invariant = "one process"
	// NoGhost: what is recorded as running runs. A manager has [ghostGrace] to notice
	// an end, from its own start or from when it was let go on.
	NoGhost Invariant = "no ghost"
	// NoOrphan: what runs is recorded as running, by the cloud or by the client's
	// manager, with the same grace.
	NoOrphan Invariant = "no orphan"
	// Converges: after the last fault all is as the operator wants it, everywhere,
	// and told so, within the bound of the campaign.
	Converges Invariant = "converges"
	// NothingLost: every round that a task reported and every execution are in the
	// history, in their true state.
	NothingLost Invariant = "nothing lost"
	// OnceOnly: no execution without its own cause, and no round twice.
	OnceOnly Invariant = "once only"
	// Obeys: what an operator asks for is carried out, and what is stopped is gone.
	Obeys Invariant = "obeys"
	// Revokes: what was revoked ends where that is known, with the same grace, and
	// starts nowhere again. Where nothing is broken all of it has ended within
	// [revokeTime], and every client has heard of it within the bound.
	Revokes Invariant = "revokes"
	// KeepsOut: a closed system lets nobody in without a certificate, credentials, or
	// the seal of a call.
	KeepsOut Invariant = "keeps out"
	// OnRecord: the audit logs of a closed system are whole, and have each of the
	// operator's actions that was answered as done.
	OnRecord Invariant = "on record"
	// Lives: no service ends by itself.
	Lives Invariant = "lives"
)

// ghostGrace is how long the record of what runs may differ from what runs: a
// manager must notice an end, and one that was restarted must take over first. It
// is far more than that takes, since the machine is shared with other systems. A
// campaign with more patience than usual has more of it here as well.
const ghostGrace = 3 * time.Second

func (o *Options) grace() time.Duration { return max(ghostGrace, o.Bound*3/20) }

// sampleEvery is how often the invariants are checked.
const sampleEvery = 50 * time.Millisecond

// record is a task as the cloud's task manager has it in its file.
type record struct{ state, execution string }

// eyes see a system from outside: its file of tasks, the kernel's list of
// processes, and what its clients answer.
type eyes struct {
	s  *System
	db *sql.DB

	mu      sync.Mutex
	clients map[string]sight
}

// sight is what a client's task manager answered.
type sight struct {
	state contract.ClientState
	asked time.Time // zero: it has not answered lately
}

func openEyes(s *System) (*eyes, error) {
	// The service is killed and started again meanwhile: its file is read as any
	// other process may.
	path := filepath.Join(s.dir, "cloud-task-manager", "cloud-task-manager.db")
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(2000)")
	return &eyes{s: s, db: db, clients: map[string]sight{}}, err
}

func (e *eyes) close() error { return e.db.Close() }

// ask asks a client until ctx ends.
func (e *eyes) ask(ctx context.Context, client string) {
	for ctx.Err() == nil {
		asked := time.Now()
		state, err := e.s.status(ctx, client)
		if err != nil {
			asked = time.Time{}
		}
		e.mu.Lock()
		e.clients[client] = sight{state, asked}
		e.mu.Unlock()
		sleep(ctx, 100*time.Millisecond)
	}
}

// status is what a client answered last; false: nothing, or too long ago.
func (e *eyes) status(client string) (contract.ClientState, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := e.clients[client]
	return seen.state, time.Since(seen.asked) < 500*time.Millisecond
}

// records reads the cloud's tasks, by id.
func (e *eyes) records(ctx context.Context) (map[string]record, error) {
	rows, err := e.db.QueryContext(ctx, "SELECT id, state, execution_id FROM tasks")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]record{}
	for rows.Next() {
		var id string
		var r record
		if err := rows.Scan(&id, &r.state, &r.execution); err != nil {
			return nil, err
		}
		all[id] = r
	}
	return all, rows.Err()
}

// place is whose a process is: "" the cloud's, or a client's.
func (e *eyes) place(l Live) string {
	for _, c := range clients {
		if l.Work == e.s.clientWork(c) {
			return c
		}
	}
	return ""
}

// broken is a condition that must not last.
type broken struct {
	invariant Invariant
	text      string
	whose     string // the process that has to mend it; "": nobody, it must not be
}

// look tells what is not as it has to be at this moment.
func (e *eyes) look(ctx context.Context) (found []broken, err error) {
	live, _ := e.s.scan.Of(e.s.dir)
	records, err := e.records(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the cloud's record of tasks: %w", err)
	}
	running := map[string]bool{} // executions
	at := map[string][]string{}  // by task and place
	for _, l := range live {
		running[l.Execution] = true
		key := l.Task + " at " + orCloud(e.place(l))
		at[key] = append(at[key], fmt.Sprintf("%s (pid %d)", l.Execution, l.PID))
	}
	for where, many := range at {
		if len(many) > 1 {
			slices.Sort(many)
			found = append(found, broken{OneProcess, fmt.Sprintf("task %s has %d processes: %s", where, len(many), strings.Join(many, ", ")), ""})
		}
	}
	for id, r := range records {
		if r.state == "running" && !running[r.execution] {
			found = append(found, broken{NoGhost, fmt.Sprintf("task %s is recorded as running at the cloud, and execution %s has no process", id, r.execution), "cloud-task-manager"})
		}
	}
	for _, l := range live {
		if e.place(l) == "" && (records[l.Task].state != "running" || records[l.Task].execution != l.Execution) {
			found = append(found, broken{NoOrphan, fmt.Sprintf("process %d of task %s (execution %s) runs at the cloud, and the record says %s %s",
				l.PID, l.Task, l.Execution, records[l.Task].state, records[l.Task].execution), "cloud-task-manager"})
		}
	}
	for _, c := range clients {
		if state, ok := e.status(c); ok {
			found = append(found, e.atClient(c, state, live, running)...)
		}
	}
	return found, nil
}

func (e *eyes) atClient(c string, state contract.ClientState, live []Live, running map[string]bool) (found []broken) {
	told := map[string]bool{}
	for _, x := range state.Running {
		told[x.ExecutionID] = true
		if !running[x.ExecutionID] {
			found = append(found, broken{NoGhost, fmt.Sprintf("client %s says that task %s runs, and execution %s has no process", c, x.TaskID, x.ExecutionID), c + "-manager"})
		}
	}
	for _, l := range live {
		if e.place(l) == c && !told[l.Execution] {
			found = append(found, broken{NoOrphan, fmt.Sprintf("process %d of task %s (execution %s) runs on client %s, whose manager does not say so", l.PID, l.Task, l.Execution, c), c + "-manager"})
		}
	}
	return found
}

func orCloud(client string) string {
	if client == "" {
		return "the cloud"
	}
	return client
}

// patience remembers since when conditions have lasted.
type patience struct {
	since map[string]time.Time
}

// judge returns the conditions that have lasted for too long.
func (p *patience) judge(s *System, found []broken, now time.Time) (violated []broken) {
	still := map[string]time.Time{}
	for _, b := range found {
		key := string(b.invariant) + b.text
		since, known := p.since[key]
		if !known {
			since = now
		}
		grace := scanEvery + sampleEvery // so that two readings showed it
		if b.whose != "" {
			up, ok := s.processes[b.whose].up()
			if !ok {
				continue // nobody is there to mend it
			}
			if up.After(since) {
				since = up
			}
			grace = s.opt.grace()
		}
		still[key] = since
		if now.Sub(since) > grace {
			violated = append(violated, b)
		}
	}
	p.since = still
	return violated
}
