package contract

// PeersMay tells whether a function is one of the wire's eight, which peers call
// without credentials where a setting admits them.
func PeersMay(function string) bool {
	switch function {
	case CreateTask.Name, StartServerTask.Name, StopServerTask.Name, UpdateTask.Name, GetTask.Name, RequestTasks.Name, UpdateUser.Name, GetUser.Name:
		return true
	}
	return false
}
