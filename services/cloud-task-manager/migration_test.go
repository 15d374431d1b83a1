package cloudtaskmanager

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

// Tasks that an earlier release registered are found, and have a revision.
func TestSQLiteTasksOfAnEarlierRelease(t *testing.T) {
	c := newCloud(t)
	first, err := fs.ReadFile(migrations(), "0001_tasks.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), filepath.Join(c.dir, "data", "cloud-task-manager.db"),
		fstest.MapFS{"0001_tasks.sql": &fstest.MapFile{Data: first}}, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO tasks (id, created_ms, modified_ms, host, port, username, password, files_paths, tags, selection_criteria,
				server_arguments, state, reason, detail, round, acc, execution_id, pid)
			VALUES ('Old-1', 1, 1, 'h', 1, 'u', 'p', '[]', '["Vision","a<b"]', '', '', 'new', '', '', '', '', '', 0),
			       ('old-2', 1, 1, 'h', 1, 'u', 'p', '[]', '[]', '', '', 'stopped', 'operator_stop', '', '', '', '', 0)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c.manager()
	for query, want := range map[string]int{"OLD": 2, "vision": 1, "A<B": 1, "zz": 0} {
		page := must(c, contract.ListTasks, contract.ListTasksRequest{ListRequest: contract.ListRequest{Query: query}})
		if page.Total != want || len(page.Tasks) != want {
			t.Errorf("%q: %+v, want %d", query, page, want)
		}
	}
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "Old-1", Host: ptr("x"), IfRevision: ptr(int64(1))})
	if got := c.summary("Old-1"); got.Revision != 2 {
		t.Errorf("after an update: %+v", got)
	}
}
