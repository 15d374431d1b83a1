package chaos

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/agata-fl/agata/internal/audit"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// functions are what an operator's actions call.
var functions = map[string]string{Create: contract.CreateTask.Name, Start: contract.StartServerTask.Name, Stop: contract.StopServerTask.Name,
	Update: contract.UpdateTask.Name, Revoke: contract.RevokeBundle.Name}

// onRecord looks that the audit logs of a closed system are whole, whatever was
// killed, and that they have what the operator was told is done.
func (t *trial) onRecord(ctx context.Context) {
	if t.s.closed == nil {
		return
	}
	has := map[[2]string]bool{} // by function and task
	for _, service := range []string{"cloud-gateway", "cloud-task-manager"} {
		text, err := t.s.command(ctx, "", "audit", "show", "--format", "json",
			"--data", filepath.Join(t.s.dir, service), "--set", "auth.key_file="+t.s.closed.keyFile())
		var entries []audit.Entry
		if err == nil {
			err = json.Unmarshal([]byte(text), &entries)
		}
		if err != nil {
			if ctx.Err() == nil {
				t.violate(OnRecord, "the audit log of %s is not whole: %v", service, err)
			}
			return
		}
		for _, e := range entries {
			if e.Action == "audit_log_broken" {
				t.violate(OnRecord, "the audit log of %s was given up: %s", service, e.Detail)
			}
			if e.Outcome == audit.OK && e.Who.Kind == rpc.Operator && e.Who.Name == operatorName {
				has[[2]string{e.Action, e.On}] = true
			}
		}
	}
	for _, w := range t.tasks {
		for _, do := range w.answered() {
			if !has[[2]string{functions[do], w.id}] {
				t.violate(OnRecord, "the operator's %s of task %s was answered, and the audit log does not have it", do, w.id)
			}
		}
	}
}
