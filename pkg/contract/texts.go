package contract

import "fmt"

// The texts that peers test for. The spelling is the wire's.

// TaskNotRegistered: no such task in the cloud's records.
func TaskNotRegistered(id string) string { return fmt.Sprintf("Task with ID=%s not registered", id) }

// TaskNotFound: a stop of a task that is not running here.
func TaskNotFound(id string) string { return fmt.Sprintf("Task with ID=%s not found", id) }

// TaskAlreadyRunning: a start of a task that runs.
func TaskAlreadyRunning(id string) string { return fmt.Sprintf("Task with ID=%s alredy running", id) }

// TaskAlreadyExists: an execution under an id that is in use.
func TaskAlreadyExists(id string) string { return fmt.Sprintf("Task with ID=%s alredy exists", id) }

// TaskIDTaken: a creation under an id that is registered.
const TaskIDTaken = "UNIQUE constraint failed: tasks.ID"

// UserNotRegistered: no such client in the user manager's records.
func UserNotRegistered(id string) string { return fmt.Sprintf("User with ID=%s not registered", id) }

// UserNotRetrieved: the task manager could not learn who asks for tasks.
func UserNotRetrieved(id string) string {
	return fmt.Sprintf("Could not retrieve info from user with ID=%s", id)
}

// DirectoryMissing: a start of a task whose files were never uploaded. Dir is
// the task's folder.
func DirectoryMissing(dir string) string { return fmt.Sprintf("Directory '%s' does not exist.", dir) }

// InvalidFunction: a request for a function that the service does not have.
func InvalidFunction(fn string) string { return fmt.Sprintf("%s is an invalid RPC function", fn) }

// TaskChanged: an update meant for another revision of the task. AGATA's own.
func TaskChanged(id string) string {
	return fmt.Sprintf("Task with ID=%s was changed meanwhile", id)
}

// TaskRuns: a deletion of a task that runs. AGATA's own.
func TaskRuns(id string) string { return fmt.Sprintf("Task with ID=%s is running: stop it first", id) }

// InvalidArguments opens every answer with status 400.
func InvalidArguments(fn, why string) string {
	return fmt.Sprintf("%s cannot be executed due to invalid arguments: %s", fn, why)
}

// HiddenError replaces the text of a failure where configuration hides them.
const HiddenError = "Internal error"

// CloudInvalid: the cloud answered the client gateway with something else than
// 200, 400 or 500.
const CloudInvalid = "Could not receive a valid response from URL endpoint"
