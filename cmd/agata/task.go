package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/pkg/contract"
)

func (c *cli) taskCommand() *cobra.Command {
	return group("task", "Create, run, watch and stop tasks",
		"  agata task submit experiments/tasks/gofedavg\n  agata task list",
		c.taskCreateCommand(), c.taskUploadCommand(), c.taskSubmitCommand(), c.taskStartCommand(), c.taskStopCommand(),
		c.taskUpdateCommand(), c.taskShowCommand(), c.taskListCommand(), c.taskLogsCommand(), c.taskExplainCommand(),
		c.taskWaitCommand())
}

// advise adds to a failure what to do about it, as far as its text tells.
func advise(err error, id string) error {
	if err == nil {
		return nil
	}
	var todo string
	switch text := err.Error(); {
	case text == contract.TaskIDTaken:
		todo = fmt.Sprintf("there is a task %s already: take another id, or change it by agata task update %s", id, id)
	case text == contract.TaskNotRegistered(id):
		todo = "agata task list shows the tasks"
	case text == contract.TaskNotFound(id):
		todo = fmt.Sprintf("it is not running; agata task show %s tells why", id)
	case text == contract.TaskAlreadyRunning(id):
		todo = "agata task stop " + id + " ends it"
	case strings.HasPrefix(text, "Directory '"):
		todo = fmt.Sprintf("upload its files first: agata task upload %s server.py client.py", id)
	default:
		return err
	}
	return fmt.Errorf("%w; %s", err, todo)
}
