package cloudtaskmanager

import (
	"path/filepath"
	"testing"

	"github.com/agata-fl/agata/internal/audit"
	"github.com/agata-fl/agata/pkg/contract"
)

// A service that is killed between the effect of a call and its entry leaves it to
// the one that answers the repetition.
func TestAChangeOfAKilledServiceIsOnRecord(t *testing.T) {
	c := newCloud(t)
	const create = `{"task_id":"a","host":"h","port":1,"username":"u","password":"p","files_paths":["x.py"]}`
	m := c.manager() // has no log, as if it were killed before it wrote there
	c.again("create", contract.CreateTask.Name, create)
	m.stop()
	dir := t.TempDir()
	log, err := audit.Open(dir, "cloud-task-manager", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c.manager(func(o *Options) { o.Audit = log })
	c.again("create", contract.CreateTask.Name, create)
	c.again("create", contract.CreateTask.Name, create)
	var entries []audit.Entry
	_, err = audit.Verify(filepath.Join(dir, "cloud-task-manager.jsonl"), nil, audit.Head{}, func(e audit.Entry) error {
		entries = append(entries, e)
		return nil
	})
	if err != nil || len(entries) != 1 || entries[0].Action != contract.CreateTask.Name || entries[0].On != "a" || entries[0].Outcome != audit.OK || entries[0].Detail == "" {
		t.Errorf("on record: %+v, %v", entries, err)
	}
}
