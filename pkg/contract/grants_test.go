package contract_test

import (
	"embed"
	"io/fs"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestRolesCover(t *testing.T) {
	roles := contract.Roles()
	for i, have := range roles {
		for j, want := range roles {
			if have.Covers(want) != (i >= j) {
				t.Errorf("%s covers %s: %v", have, want, have.Covers(want))
			}
		}
		for _, none := range []contract.Role{"", "root", "Admin"} {
			if none.Covers(have) || have.Covers(none) || none.Covers(none) {
				t.Errorf("the role %q, which is none, covers %s or is covered", none, have)
			}
		}
	}
}

//go:embed schemas
var schemaFiles embed.FS

// TestGrants names those of every function; a function that is new here must be
// given one, and gets that of operators until then.
func TestGrants(t *testing.T) {
	viewer, operator := contract.Grant{Role: contract.RoleViewer}, contract.Grant{Role: contract.RoleOperator}
	named := map[string]contract.Grant{
		contract.GetUser.Name:      {Role: contract.RoleViewer, Client: true},
		contract.UpdateUser.Name:   {Role: contract.RoleOperator, Client: true},
		contract.RequestTasks.Name: {Role: contract.RoleOperator, Client: true},
	}
	for _, name := range []string{contract.ListTasks.Name, contract.DescribeTask.Name, contract.CountTasks.Name, contract.ListTaskFiles.Name, contract.CheckCriteria.Name,
		contract.ListTaskClients.Name, contract.ListUsers.Name, contract.ListRevocations.Name, contract.ExplainTask.Name, contract.ServerLogs.Name, contract.ClientStatus.Name} {
		named[name] = viewer
	}
	files, err := fs.Glob(schemaFiles, "schemas/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d schemas, %v", len(files), err)
	}
	for _, file := range files {
		fn := strings.TrimSuffix(strings.TrimPrefix(file, "schemas/"), ".json")
		want, ok := named[fn]
		if !ok {
			want = operator
		}
		if got := contract.GrantOf(fn); got != want {
			t.Errorf("%s: %+v, want %+v", fn, got, want)
		}
		delete(named, fn)
	}
	if len(named) > 0 {
		t.Errorf("no functions: %v", named)
	}
	if got := contract.GrantOf("rpc_exec_of_tomorrow"); got != operator {
		t.Errorf("an unknown function: %+v", got)
	}
	// Whoever may look may not learn a task's password.
	if (contract.RoleViewer).Covers(contract.GrantOf(contract.GetTask.Name).Role) {
		t.Error("a viewer may read a task's password")
	}
}

// TestPeersMay is about the wire's eight, and nothing of AGATA's own.
func TestPeersMay(t *testing.T) {
	n := 0
	files, err := fs.Glob(schemaFiles, "schemas/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if contract.PeersMay(strings.TrimSuffix(strings.TrimPrefix(file, "schemas/"), ".json")) {
			n++
		}
	}
	if n != 8 || contract.PeersMay(contract.ListTasks.Name) || contract.PeersMay("") {
		t.Errorf("peers may call %d functions", n)
	}
}
