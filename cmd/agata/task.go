package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func (c *cli) taskCommand() *cobra.Command {
	return group("task", "Create, run, watch and stop tasks",
		"  agata task submit experiments/tasks/gofedavg\n  agata task list",
		c.taskCreateCommand(), c.taskUploadCommand(), c.taskSubmitCommand(), c.taskStartCommand(), c.taskStopCommand(),
		c.taskUpdateCommand(), c.taskShowCommand(), c.taskListCommand(), c.taskLogsCommand(), c.taskExplainCommand(),
		c.taskWaitCommand(), c.taskFilesCommand(), c.taskDownloadCommand(), c.taskDeleteCommand(),
		c.taskExecutionsCommand(), c.taskMetricsCommand(), c.taskTimelineCommand(), c.taskCriteriaCommand(),
		c.taskSignCommand(), c.taskVerifyCommand(), c.taskRevokeCommand(), c.taskRevocationsCommand())
}

// advise adds to a failure what to do about it at a command line, as far as its
// text tells.
func advise(err error, id string) error {
	text := said(err)
	switch {
	case err == nil:
		return nil
	case text == contract.TaskNotRegistered(id):
		return advised{err, text + "; agata task list shows the tasks"}
	case text == contract.UserNotRegistered(id):
		return advised{err, text + "; agata client list shows the clients"}
	case strings.HasPrefix(text, "Directory '"):
		return advised{err, fmt.Sprintf("%s; upload its files first: agata task upload %s server.py client.py", text, id)}
	}
	return err
}

// inConflict adds to a failure what to do if it is because something stands
// otherwise than the request supposes.
func inConflict(err error, format string, args ...any) error {
	if _, already := errors.AsType[advised](err); already || rpc.CodeOf(err) != rpc.Conflict {
		return err
	}
	return advised{err, said(err) + "; " + fmt.Sprintf(format, args...)}
}

// said is what a failure says was wrong, without what it says to do.
func said(err error) string {
	if p, ok := errors.AsType[*apiclient.Problem](err); ok {
		return (&apiclient.Problem{Detail: p.Detail}).Error()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// advised is an error with other words.
type advised struct {
	error
	text string
}

func (a advised) Error() string { return a.text }
func (a advised) Unwrap() error { return a.error }
