package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

func (c *cli) taskExplainCommand() *cobra.Command {
	var client, search string
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Tell why clients do, or do not, run a task",
		Long: `Tell why clients do, or do not, run a task: each client with how the task stands
there. --client tells of one client each condition with its outcome.`,
		Example: "  agata task explain digits\n  agata task explain digits --client car-7",
		Args:    args(1, "the task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				if client == "" {
					return c.explainAll(ctx, api, args[0], search)
				}
				e, err := api.Explain(ctx, args[0], client)
				if err != nil {
					return advise(advise(err, args[0]), client)
				}
				return c.print(e, func(w io.Writer) { explanation(w, args[0], client, e.Value) })
			})
		},
	}
	cmd.Flags().StringVar(&client, "client", "", "tell of this client alone, by its user id")
	cmd.Flags().StringVar(&search, "search", "", "only clients with this in their id")
	complete(cmd, "client", c.clientIDs)
	return cmd
}

func (c *cli) explainAll(ctx context.Context, api *apiclient.Client, task, search string) error {
	now := time.Now()
	n, err := list(c, api.TaskClients(ctx, task, search, 0), []string{"CLIENT", "STATUS", "LAST SEEN", "WHY"}, func(t apiclient.TaskClient) []string {
		why := t.Detail
		if t.Clause != nil && why == "" {
			why = t.Clause.Text + ": " + cmp.Or(t.Clause.Detail, t.Clause.Outcome)
		}
		if t.Quarantine != nil && why == "" {
			why = "kept from running until " + moment(t.Quarantine.Until) + ": " + string(t.Quarantine.Reason)
		}
		return []string{t.UserID, t.Status, ago(t.LastSeen, now), why}
	})
	if err == nil && n == 0 {
		fmt.Fprintln(c.err, "no client has reported to the cloud yet")
	}
	return advise(err, task)
}

// explanation tells of one client and one task.
func explanation(w io.Writer, task, client string, e apiclient.Explanation) {
	verdict := "is offered"
	if !e.Offered {
		verdict = "is not offered"
	}
	fmt.Fprintf(w, "client %s %s task %s\n", cell(client), verdict, cell(task))
	rows := make([][]string, len(e.Clauses))
	for i, clause := range e.Clauses {
		rows[i] = []string{clause.Outcome, clause.Text, clause.Detail}
	}
	tabulate(w, []string{"OUTCOME", "CONDITION", "DETAIL"}, rows)
	say := func(format string, args ...any) { fmt.Fprintln(w, cell(fmt.Sprintf(format, args...))) }
	if q := e.Quarantine; q != nil {
		say("the client keeps it from running until %s: %s (agata client release %s --client %s lifts that)", moment(q.Until), q.Reason, task, client)
	}
	if e.Limit != "" {
		say("%s", e.Limit)
	}
	switch {
	case e.Running != nil:
		say("it runs there since %s, process %d", moment(e.Running.Started), e.Running.PID)
		if at := e.Running.StalledSince; at != 0 {
			say("it makes no progress there since %s", moment(at))
		}
	case e.Last != nil:
		say("it ran there last from %s to %s: %s", moment(e.Last.Started), moment(e.Last.Ended), why(e.Last.ExecutionRun))
	}
	if e.LastSeen != 0 {
		say("the client was last seen %s", ago(e.LastSeen, time.Now()))
	}
}

// why tells how an execution ended.
func why(run contract.ExecutionRun) string {
	said := []string{string(run.State)}
	for _, text := range []string{string(run.Reason), run.Detail} {
		if text != "" && text != said[len(said)-1] {
			said = append(said, text)
		}
	}
	return strings.Join(said, ": ")
}

func (c *cli) taskCriteriaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "criteria EXPRESSION",
		Short: "Check a selection expression: is it valid, and which clients match now",
		Long: `Check a selection expression before a task has it: whether it can be used and, if
not, where it is wrong; how many clients match now, and what the others lack. The
exit code is 1 if it cannot be used.`,
		Example: `  agata task criteria 'data_qnt > 50 and "camera" in sensors'`,
		Args:    args(1, "an expression"), ValidArgsFunction: first(nil, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				check, err := api.CheckCriteria(ctx, args[0])
				if err != nil {
					return err
				}
				v := check.Value
				err = c.print(check, func(w io.Writer) {
					if v.Valid {
						fmt.Fprintf(w, "%d of %d clients match\n", v.Matches, v.Clients)
						tabulate(w, nil, [][]string{{"such as", cmp.Or(strings.Join(v.Sample, ", "), "-")},
							{"cannot be decided for", fmt.Sprint(v.Failing)}, {"names that may be used", strings.Join(v.Names, ", ")}})
					}
				})
				if err == nil && !v.Valid {
					where := ""
					if v.Column > 0 {
						where = fmt.Sprintf(" at column %d", v.Column)
					}
					err = fmt.Errorf("the expression cannot be used%s: %s", where, cell(v.Error))
				}
				return err
			})
		},
	}
}
