package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// reasonWidth is the room for a reason in a list; show has all of it.
const reasonWidth = 60

// pageSize is how many lines of a list are asked for at once.
const pageSize = 500

// taskState returns how a task stands. Lists are ordered by id, so the task is
// the first after all ids that are smaller: those that differ from it in the
// last character, which is one lower, whatever follows; ids have no '~'.
func (c *cli) taskState(ctx context.Context, id string) (contract.TaskSummary, error) {
	if id != "" {
		last := len(id) - 1
		page, err := ask(ctx, c, contract.ListTasks, contract.ListTasksRequest{ListRequest: contract.ListRequest{After: id[:last] + string(id[last]-1) + "~", Limit: 1}})
		if err != nil {
			return contract.TaskSummary{}, err
		}
		if len(page.Tasks) == 1 && page.Tasks[0].ID == id {
			return page.Tasks[0], nil
		}
	}
	return contract.TaskSummary{}, rpc.Text(rpc.NotFound, contract.TaskNotRegistered(id))
}

// taskDetails is a task and how it stands, as show prints it.
type taskDetails struct {
	contract.Task
	State  string `json:"state"`
	Reason string `json:"reason"`
	Round  string `json:"round"`
	Acc    string `json:"acc"`
	PID    int    `json:"pid,omitempty"`
}

func (c *cli) taskShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show what is registered of a task and how it stands",
		Long: `Show what is registered of a task and how it stands. The password is masked in
the table and in clear in --format json.`,
		Example: "  agata task show digits",
		Args:    args(1, "the task's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			task, err := ask(cmd.Context(), c, contract.GetTask, contract.TaskIDRequest{TaskID: args[0]})
			if err != nil {
				return advise(err, args[0])
			}
			s, err := c.taskState(cmd.Context(), args[0])
			if err != nil {
				return advise(err, args[0])
			}
			d := taskDetails{Task: task, State: s.State, Reason: s.Reason, Round: s.Round, Acc: s.Acc, PID: s.PID}
			return c.print(d, d.table)
		},
	}
}

func (d taskDetails) table(w io.Writer) {
	state := d.State
	if d.PID != 0 {
		state += fmt.Sprintf(" (process %d)", d.PID)
	}
	clientArgs := ""
	if d.ClientArguments != nil {
		clientArgs = *d.ClientArguments
	}
	tabulate(w, nil, [][]string{
		{"id", d.ID},
		{"state", state},
		{"reason", d.Reason},
		{"round", d.Round},
		{"accuracy", d.Acc},
		{"created", d.CreationDate.Format(contract.DateLayout)},
		{"changed", d.LastModDate.Format(contract.DateLayout)},
		{"address", fmt.Sprintf("%s:%d", d.Host, d.Port)},
		{"user name", d.Username},
		{"password", "***"},
		{"criteria", cmp.Or(d.SelectionCriteria, "(every client)")},
		{"server arguments", d.ServerArguments},
		{"client arguments", clientArgs},
		{"client files", strings.Join(d.FilesPaths, ", ")},
		{"tags", strings.Join(d.Tags, ", ")},
	})
}

func (c *cli) taskListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the tasks and how they stand",
		Example: "  agata task list --format json",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			tasks := []contract.TaskSummary{}
			for after := ""; ; {
				page, err := ask(cmd.Context(), c, contract.ListTasks, contract.ListTasksRequest{ListRequest: contract.ListRequest{After: after, Limit: pageSize}})
				if err != nil {
					return err
				}
				tasks = append(tasks, page.Tasks...)
				if page.Next <= after { // the end, or a page that would come again
					break
				}
				after = page.Next
			}
			return c.print(tasks, func(w io.Writer) {
				rows := make([][]string, len(tasks))
				for i, t := range tasks {
					rows[i] = []string{t.ID, t.State, t.Round, short(t.Acc, 20), short(t.Reason, reasonWidth), strings.Join(t.Tags, ",")}
				}
				tabulate(w, []string{"ID", "STATE", "ROUND", "ACC", "REASON", "TAGS"}, rows)
			})
		},
	}
}

func (c *cli) taskExplainCommand() *cobra.Command {
	var client string
	cmd := &cobra.Command{
		Use:     "explain ID",
		Short:   "Tell why a client is, or is not, offered a task",
		Example: "  agata task explain digits --client car-7",
		Args:    args(1, "the task's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if client == "" {
				return usagef("name the client by --client; agata client list shows them")
			}
			e, err := ask(cmd.Context(), c, contract.ExplainTask, contract.ExplainRequest{TaskID: args[0], UserID: client})
			if err != nil {
				return advise(err, args[0])
			}
			return c.print(e, func(w io.Writer) {
				verdict := "is offered"
				if !e.Offered {
					verdict = "is not offered"
				}
				fmt.Fprintf(w, "client %s %s task %s\n", client, verdict, args[0])
				rows := make([][]string, len(e.Clauses))
				for i, clause := range e.Clauses {
					rows[i] = []string{clause.Outcome, clause.Text, clause.Detail}
				}
				tabulate(w, []string{"OUTCOME", "CONDITION", "DETAIL"}, rows)
			})
		},
	}
	cmd.Flags().StringVar(&client, "client", "", "the client's user id")
	return cmd
}
