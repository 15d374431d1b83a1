package cloudtaskmanager

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

//go:embed migrations/*.sql migrations/postgres/*.sql
var migrationFiles embed.FS

func migrations() fs.FS { return database.Migrations(migrationFiles) }

const (
	columns = `seq, id, created_ms, modified_ms, host, port, username, password, files_paths, tags,
		selection_criteria, server_arguments, client_arguments,
		state, reason, detail, round, acc, execution_id, pid, exit_code, exit_signal, started_ms, ended_ms, revision,
		owner, advertised, withdrawn, stalled`

	sqlGet     = `SELECT ` + columns + ` FROM tasks WHERE id = ?`
	sqlOffered = `SELECT ` + columns + ` FROM tasks WHERE state = 'running' AND withdrawn = 0 ORDER BY seq`
	// Of an earlier release's tasks the owner is not known.
	sqlOwn     = `SELECT ` + columns + ` FROM tasks WHERE state = 'running' AND owner IN (?, '') ORDER BY seq`
	sqlCount   = `SELECT state, count(*) FROM tasks GROUP BY state`
	sqlRemoval = `SELECT EXISTS (SELECT 1 FROM removals WHERE id = ?)`
	sqlLogin   = `SELECT username, password FROM tasks WHERE id = ?`

	sqlInsert = `INSERT INTO tasks (id, created_ms, modified_ms, host, port, username, password, files_paths, tags,
		selection_criteria, server_arguments, client_arguments, search, state, reason, detail, round, acc, execution_id, pid)
		VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'new', '', '', '', '', '', 0)`

	// A parameter that is NULL leaves its column as it is. The state is not here.
	sqlUpdate = `UPDATE tasks SET modified_ms = ?2, revision = revision + 1,
			host               = coalesce(?3, host),
			port               = coalesce(?4, port),
			username           = coalesce(?5, username),
			password           = coalesce(?6, password),
			selection_criteria = coalesce(?7, selection_criteria),
			server_arguments   = coalesce(?8, server_arguments),
			client_arguments   = coalesce(?9, client_arguments)
		WHERE id = ?1 AND revision = coalesce(?10, revision) RETURNING ` + columns

	sqlStarted = `UPDATE tasks SET state = 'running', reason = '', detail = '', round = '', acc = '', modified_ms = ?2, started_ms = ?2,
			execution_id = ?3, pid = ?4, exit_code = NULL, exit_signal = NULL, ended_ms = NULL,
			owner = ?5, advertised = ?6, withdrawn = 0, stalled = 0
		WHERE id = ?1`

	// The execution's id keeps a late word on one execution from the next one.
	sqlModel   = `UPDATE tasks SET round = ?3, acc = ?4 WHERE id = ?1 AND execution_id = ?2`
	sqlStalled = `UPDATE tasks SET stalled = ?3 WHERE id = ?1 AND execution_id = ?2`
	sqlEnded   = `UPDATE tasks SET state = ?3, reason = ?4, detail = ?5, exit_code = ?6, exit_signal = ?7, ended_ms = ?8, modified_ms = ?8, stalled = 0
		WHERE id = ?1 AND execution_id = ?2 AND state = 'running'`
)

// store is the table of tasks. It is safe for concurrent use.
type store struct {
	db    *database.DB
	calls *database.Calls

	me        string // the manager, where several share the database; "": there is one
	advertise string // where clients find the servers of tasks that it starts; "": as the task says

	getStmt, loginStmt, removalStmt, headStmt                  *sql.Stmt // of readers; the last where several share the database
	insert, update, startedStmt, model, stalledStmt, endedStmt *sql.Stmt // of the writer
}

// newStore is the store of the manager me; "" of one that is alone.
func newStore(ctx context.Context, db *database.DB, me, advertise string) (*store, error) {
	s := &store{db: db, me: me, advertise: advertise}
	var errs []error
	prepare := func(to **sql.Stmt, with func(context.Context, string) (*sql.Stmt, error), query string) {
		stmt, err := with(ctx, query)
		*to = stmt
		errs = append(errs, err)
	}
	prepare(&s.getStmt, db.PrepareRead, sqlGet)
	prepare(&s.loginStmt, db.PrepareRead, sqlLogin)
	prepare(&s.removalStmt, db.PrepareRead, sqlRemoval)
	if me != "" {
		prepare(&s.headStmt, db.PrepareRead, sqlHead)
	}
	prepare(&s.insert, db.PrepareWrite, sqlInsert)
	prepare(&s.update, db.PrepareWrite, sqlUpdate)
	prepare(&s.startedStmt, db.PrepareWrite, sqlStarted)
	prepare(&s.model, db.PrepareWrite, sqlModel)
	prepare(&s.stalledStmt, db.PrepareWrite, sqlStalled)
	prepare(&s.endedStmt, db.PrepareWrite, sqlEnded)
	calls, err := database.NewCalls(ctx, db)
	s.calls = calls
	return s, errors.Join(append(errs, err)...)
}

// create inserts a task; its error satisfies database.IsUnique if the id is taken.
func (s *store) create(ctx context.Context, req contract.CreateTaskRequest, now time.Time) error {
	files, err := encodeList(req.FilesPaths)
	if err != nil {
		return err
	}
	tags, err := encodeList(req.Tags)
	if err != nil {
		return err
	}
	return s.db.UpdateOf(ctx, req.TaskID, func(tx *sql.Tx) error {
		_, err := tx.StmtContext(ctx, s.insert).ExecContext(ctx, req.TaskID, now.UnixMilli(), req.Host, req.Port, req.Username, req.Password, files, tags,
			req.SelectionCriteria, req.ServerArguments, req.ClientArguments, searchText(req.TaskID, req.Tags))
		if err != nil {
			return err
		}
		return s.calls.Remember(ctx, tx, nothing)
	})
}

// change writes the fields that are present and returns the task as it is then;
// nil if there is none. If the task has another revision than the request wants
// it is returned as it is, and changed is false.
func (s *store) change(ctx context.Context, req contract.UpdateTaskRequest, now time.Time) (t *task, changed bool, err error) {
	err = s.db.UpdateOf(ctx, req.TaskID, func(tx *sql.Tx) error {
		t, err = scanTask(tx.StmtContext(ctx, s.update).QueryRowContext(ctx, req.TaskID, now.UnixMilli(), req.Host, req.Port,
			req.Username, req.Password, req.SelectionCriteria, req.ServerArguments, req.ClientArguments, req.IfRevision))
		if changed = t != nil; err == nil && !changed && req.IfRevision != nil {
			t, err = scanTask(tx.QueryRowContext(ctx, sqlGet, req.TaskID))
		}
		if err != nil || !changed {
			return err
		}
		if err := s.calls.Remember(ctx, tx, nothing); err != nil || !t.offers() {
			return err
		}
		return s.tell(ctx, tx, req.TaskID, contract.ChangeUpdated, "")
	})
	return t, changed, err
}

// started records that the task's process runs, and that the call that asked for
// it took effect.
func (s *store) started(ctx context.Context, t *task) error {
	return s.db.UpdateOf(ctx, t.id, func(tx *sql.Tx) error {
		if err := s.fulfil(ctx, tx, t.executionID); err != nil {
			return err
		}
		if _, err := tx.StmtContext(ctx, s.startedStmt).ExecContext(ctx, t.id, t.modified.UnixMilli(), t.executionID, t.pid, s.me, s.advertise); err != nil {
			return err
		}
		return s.tell(ctx, tx, t.id, contract.ChangeStarted, "")
	})
}

// stalls records since when an execution makes no progress; 0: it does.
func (s *store) stalls(ctx context.Context, id, executionID string, since float64) error {
	return s.exec(ctx, id, s.stalledStmt, id, executionID, since)
}

// result records a round's result.
func (s *store) result(ctx context.Context, id, executionID, round, acc string) error {
	return s.exec(ctx, id, s.model, id, executionID, round, acc)
}

// ended records how an execution ended, and that the call that asked for it, if
// one did, took effect. recorded is false if another manager has recorded its end.
func (s *store) ended(ctx context.Context, id, executionID string, to state, e end) (recorded bool, err error) {
	err = s.db.UpdateOf(ctx, id, func(tx *sql.Tx) error {
		recorded, err = s.end(ctx, tx, id, executionID, to, e)
		return err
	})
	return recorded, err
}

// end is ended within a transaction.
func (s *store) end(ctx context.Context, tx *sql.Tx, id, executionID string, to state, e end) (recorded bool, err error) {
	res, err := tx.StmtContext(ctx, s.endedStmt).ExecContext(ctx, id, executionID, string(to), e.reason, e.detail, e.code, e.signal, e.at.UnixMilli())
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, err
	}
	if n == 0 { // another manager has, or an attempt of this one whose outcome was not known
		err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tasks WHERE id = ? AND execution_id = ? AND state = ? AND reason = ? AND ended_ms = ?)`,
			id, executionID, string(to), e.reason, e.at.UnixMilli()).Scan(&recorded)
		return recorded, err
	}
	told, err := s.stopped(ctx, tx, executionID, e.call)
	switch {
	case err != nil:
		return false, err
	case to != stateStopped:
		err = s.tell(ctx, tx, id, contract.ChangeEnded, "")
	case !told:
		err = s.tell(ctx, tx, id, contract.ChangeStopped, executionID)
	}
	return true, err
}

// exec runs a statement that changes one task.
func (s *store) exec(ctx context.Context, id string, stmt *sql.Stmt, args ...any) error {
	return s.db.UpdateOf(ctx, id, func(tx *sql.Tx) error {
		_, err := tx.StmtContext(ctx, stmt).ExecContext(ctx, args...)
		return err
	})
}

// get returns nil if there is no such task.
func (s *store) get(ctx context.Context, id string) (*task, error) {
	return scanTask(s.getStmt.QueryRowContext(ctx, id))
}

// login returns what a download of the task's files asks for.
func (s *store) login(ctx context.Context, id string) (user, pass string, found bool, err error) {
	err = s.loginStmt.QueryRowContext(ctx, id).Scan(&user, &pass)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", false, nil
	}
	return user, pass, err == nil, err
}

// own returns the tasks that are recorded as running here, oldest first.
func (s *store) own(ctx context.Context) ([]*task, error) { return s.some(ctx, sqlOwn, s.me) }

// some returns the tasks that a query of columns finds.
func (s *store) some(ctx context.Context, query string, args ...any) (tasks []*task, err error) {
	err = s.db.View(ctx, func(q database.Querier) error {
		rows, err := q.QueryContext(ctx, query, args...)
		tasks, err = collect(rows, err)
		return err
	})
	return tasks, err
}

// count returns how many tasks there are in each state.
func (s *store) count(ctx context.Context) (map[state]int, error) {
	n := map[state]int{}
	err := s.db.View(ctx, func(q database.Querier) error {
		rows, err := q.QueryContext(ctx, sqlCount)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var st state
			var k int
			if err := rows.Scan(&st, &k); err != nil {
				return err
			}
			n[st] = k
		}
		return rows.Err()
	})
	return n, err
}

func collect(rows *sql.Rows, err error) ([]*task, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tasks []*task
	for rows.Next() {
		t, err := scanTask(rows)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, rows.Err()
}

// scanTask reads a row of columns; nil if there is none.
func scanTask(row interface{ Scan(...any) error }) (*task, error) {
	var t task
	var created, modified int64
	var started, ended *int64
	var files, tags string
	err := row.Scan(&t.seq, &t.id, &created, &modified, &t.host, &t.port, &t.username, &t.password, &files, &tags,
		&t.selectionCriteria, &t.serverArguments, &t.clientArguments,
		&t.state, &t.end.reason, &t.end.detail, &t.round, &t.acc, &t.executionID, &t.pid, &t.end.code, &t.end.signal, &started, &ended, &t.revision,
		&t.owner, &t.advertised, &t.withdrawn, &t.stalled)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a task: %w", err)
	}
	t.created, t.modified = time.UnixMilli(created), time.UnixMilli(modified)
	if started != nil {
		t.started = time.UnixMilli(*started)
	}
	if ended != nil {
		t.end.at = time.UnixMilli(*ended)
	}
	if err := errors.Join(json.Unmarshal([]byte(files), &t.filesPaths), json.Unmarshal([]byte(tags), &t.tags)); err != nil {
		return nil, fmt.Errorf("read task %s: %w", t.id, err)
	}
	return &t, nil
}

// encodeList writes an absent list as an empty one.
func encodeList(list []string) (string, error) {
	if list == nil {
		list = []string{}
	}
	b, err := json.Marshal(list)
	return string(b), err
}
