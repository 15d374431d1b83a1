package contract

import "encoding/json"

// Function names a remote function and ties it to the types of its request and
// answer. The name is also the routing key and the name of its queue.
type Function[Req, Resp any] struct {
	Name string
	// Idempotent tells that a second execution changes nothing more, so that a
	// caller may repeat a call whose outcome a broken connection left unknown.
	Idempotent bool
}

// The functions of the wire.
var (
	CreateTask      = Function[CreateTaskRequest, None]{Name: "rpc_exec_create_task"}
	StartServerTask = Function[StartTaskRequest, None]{Name: "rpc_exec_start_server_task"}
	StopServerTask  = Function[TaskIDRequest, None]{Name: "rpc_exec_stop_server_task"}
	UpdateTask      = Function[UpdateTaskRequest, None]{Name: "rpc_exec_update_task", Idempotent: true}
	GetTask         = Function[TaskIDRequest, Task]{Name: "rpc_exec_get_task_by_id", Idempotent: true}
	RequestTasks    = Function[UserIDRequest, []OfferedTask]{Name: "rpc_exec_client_requesting_task", Idempotent: true}
	UpdateUser      = Function[UpdateUserRequest, None]{Name: "rpc_exec_update_user_info", Idempotent: true}
	GetUser         = Function[UserIDRequest, User]{Name: "rpc_exec_get_user_info", Idempotent: true}
)

// Functions beside the wire's eight: AGATA's own, for its command line and web
// console. Peers need not know them.
var (
	ListTasks    = Function[ListTasksRequest, TaskList]{Name: "rpc_exec_list_tasks", Idempotent: true}
	DescribeTask = Function[TaskIDRequest, TaskDetail]{Name: "rpc_exec_describe_task", Idempotent: true}
	CountTasks   = Function[None, TaskCounts]{Name: "rpc_exec_count_tasks", Idempotent: true}
	DeleteTask   = Function[TaskIDRequest, None]{Name: "rpc_exec_delete_task"}

	ListTaskFiles  = Function[TaskIDRequest, TaskFiles]{Name: "rpc_exec_list_task_files", Idempotent: true}
	DeleteTaskFile = Function[TaskFileRequest, None]{Name: "rpc_exec_delete_task_file"}

	CheckCriteria   = Function[CheckCriteriaRequest, CriteriaCheck]{Name: "rpc_exec_check_criteria", Idempotent: true}
	ListTaskClients = Function[TaskAudienceRequest, TaskAudience]{Name: "rpc_exec_list_task_clients", Idempotent: true}
	ListUsers       = Function[ListRequest, UserList]{Name: "rpc_exec_list_users", Idempotent: true}
	ExplainTask     = Function[ExplainRequest, Explanation]{Name: "rpc_exec_explain_task", Idempotent: true}
	ServerLogs      = Function[LogsRequest, Logs]{Name: "rpc_exec_server_task_logs", Idempotent: true}
	ClientStatus    = Function[None, ClientState]{Name: "rpc_exec_client_status", Idempotent: true}
	// RevokeBundle is a function of the cloud and of each client.
	RevokeBundle    = Function[RevokeRequest, None]{Name: "rpc_exec_revoke_bundle", Idempotent: true}
	ListRevocations = Function[RevocationsRequest, RevocationList]{Name: "rpc_exec_list_revocations", Idempotent: true}

	ReleaseTask = Function[TaskIDRequest, None]{Name: "rpc_exec_release_task", Idempotent: true}
)

// CodeHeader is the HTTP header in which the cloud gateway sends a failure's code
// beside its text, for callers that want more than 400 and 500. Peers need not
// know it.
const CodeHeader = "Agata-Code"

// RetryHeader is the HTTP header by which the cloud gateway, while it is busy,
// tells a client that asked for tasks when to ask again: in so many seconds, which
// may have a fraction. Peers need not know it.
const RetryHeader = "Agata-Retry-After"

// None is an absent request or answer: JSON null on the wire, {} as a request.
type None struct{}

// MarshalJSON writes null.
func (None) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// UnmarshalJSON accepts anything: an answer without meaning is not read.
func (*None) UnmarshalJSON([]byte) error { return nil }

// Reply is the body of an answer: {"status_code": 200, "return": VALUE} or
// {"status_code": 400|500, "exception": "TEXT"}, exactly those two keys.
type Reply struct {
	StatusCode int             `json:"status_code"`
	Return     json.RawMessage `json:"return,omitempty"`
	Exception  *string         `json:"exception,omitempty"`
}

// OwnedTaskPrefix begins the name of a function that one of several task managers
// serves to the others: what is for the tasks that it runs. Its id follows.
const OwnedTaskPrefix = "rpc_exec_owned_task."
