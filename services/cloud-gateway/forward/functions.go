package forward

import "github.com/agata-fl/agata/pkg/contract"

// function is what the gateway knows of a function of the cloud.
type function struct {
	service    string // that serves it
	idempotent bool
}

func functions() map[string]function {
	const tasks, users = "cloud-task-manager", "user-manager"
	m := make(map[string]function)
	add(m, tasks, contract.CreateTask)
	add(m, tasks, contract.StartServerTask)
	add(m, tasks, contract.StopServerTask)
	add(m, tasks, contract.UpdateTask)
	add(m, tasks, contract.GetTask)
	add(m, tasks, contract.DescribeTask)
	add(m, tasks, contract.DeleteTask)
	add(m, tasks, contract.RequestTasks)
	add(m, tasks, contract.ListTasks)
	add(m, tasks, contract.CountTasks)
	add(m, tasks, contract.ListTaskFiles)
	add(m, tasks, contract.DeleteTaskFile)
	add(m, tasks, contract.ExplainTask)
	add(m, tasks, contract.ListTaskClients)
	add(m, tasks, contract.CheckCriteria)
	add(m, tasks, contract.ServerLogs)
	add(m, tasks, contract.RevokeBundle)
	add(m, tasks, contract.ListRevocations)
	add(m, users, contract.UpdateUser)
	add(m, users, contract.GetUser)
	add(m, users, contract.ListUsers)
	return m
}

func add[Req, Resp any](m map[string]function, service string, fn contract.Function[Req, Resp]) {
	m[fn.Name] = function{service: service, idempotent: fn.Idempotent}
}
