package contract

// Role is what an operator may do; each role may do what those before it may.
type Role string

// The roles.
const (
	RoleViewer   Role = "viewer"   // looks
	RoleOperator Role = "operator" // manages tasks and clients
	RoleAdmin    Role = "admin"    // manages accounts and credentials
)

// Roles lists the roles, the weakest first.
func Roles() []Role { return []Role{RoleViewer, RoleOperator, RoleAdmin} }

// Covers tells whether a role may do what another may. A role that is none covers
// nothing.
func (r Role) Covers(other Role) bool {
	have, want := -1, len(Roles())
	for i, role := range Roles() {
		if role == r {
			have = i
		}
		if role == other {
			want = i
		}
	}
	return have >= want
}

// Grant says who may call a function of the cloud, where credentials are asked
// for: operators of Role and above and, with Client set, each client in its own
// name. The cloud's services may call every function.
type Grant struct {
	Role   Role
	Client bool
}

// GrantOf is the grant of a function; one that is not listed is for operators
// that may change something.
func GrantOf(function string) Grant {
	switch function {
	case ListTasks.Name, DescribeTask.Name, CountTasks.Name, ListTaskFiles.Name, CheckCriteria.Name, ListTaskClients.Name,
		ListUsers.Name, ListRevocations.Name, ExplainTask.Name, ServerLogs.Name, ClientStatus.Name, ListRevocations.Name:
		return Grant{Role: RoleViewer}
	case GetUser.Name:
		return Grant{Role: RoleViewer, Client: true}
	case UpdateUser.Name, RequestTasks.Name:
		return Grant{Role: RoleOperator, Client: true}
	}
	return Grant{Role: RoleOperator} // get_task_by_id too: it tells the task's password
}
