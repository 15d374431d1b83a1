package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/pkg/contract"
)

func (c *cli) clientCommand() *cobra.Command {
	return group("client", "Look at clients: all of them at the cloud, or this machine's own",
		"  agata client list\n  agata client status",
		c.clientListCommand(), c.clientShowCommand(), c.clientStatusCommand(), c.clientReleaseCommand())
}

func (c *cli) clientListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the clients that the cloud knows",
		Example: "  agata client list",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			users := []contract.User{}
			for after := ""; ; {
				page, err := ask(cmd.Context(), c, contract.ListUsers, contract.ListRequest{After: after, Limit: pageSize})
				if err != nil {
					return err
				}
				users = append(users, page.Users...)
				if page.Next <= after {
					break
				}
				after = page.Next
			}
			return c.print(users, func(w io.Writer) {
				rows := make([][]string, len(users))
				for i, u := range users {
					rows[i] = []string{u.ID, orDash(u.DataQnt), strings.Join(u.Sensors, ","), attributes(u.Attributes), u.LastModDate.Format(contract.DateLayout)}
				}
				tabulate(w, []string{"ID", "DATA", "SENSORS", "ATTRIBUTES", "LAST SEEN"}, rows)
			})
		},
	}
}

func (c *cli) clientShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show USER",
		Short:   "Show what the cloud knows of a client",
		Example: "  agata client show car-7",
		Args:    args(1, "the client's user id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			u, err := ask(cmd.Context(), c, contract.GetUser, contract.UserIDRequest{UserID: args[0]})
			if err != nil {
				if err.Error() == contract.UserNotRegistered(args[0]) {
					err = fmt.Errorf("%w; agata client list shows the clients", err)
				}
				return err
			}
			return c.print(u, func(w io.Writer) {
				tabulate(w, nil, [][]string{
					{"id", u.ID},
					{"first seen", u.CreationDate.Format(contract.DateLayout)},
					{"last seen", u.LastModDate.Format(contract.DateLayout)},
					{"data_qnt", orDash(u.DataQnt)},
					{"avg_acc_contrib", orDash(u.AvgAccContrib)},
					{"avg_disconnection_per_round", orDash(u.AvgDisconnectionPerRound)},
					{"sensors", strings.Join(u.Sensors, ", ")},
					{"attributes", attributes(u.Attributes)},
				})
			})
		},
	}
}

func orDash[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

// attributes writes a client's further attributes as criteria name them.
func attributes(all map[string]any) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text := fmt.Sprint(all[name])
		if b, err := json.Marshal(all[name]); err == nil {
			text = string(b)
		}
		list = append(list, name+"="+text)
	}
	return strings.Join(list, " ")
}

func (c *cli) clientStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what this machine's client runs, and which tasks it keeps from running",
		Long: `Show what this machine's client runs, and which tasks it keeps from running and
why. It asks the client's own broker, so it works on the client's machine.`,
		Example: "  agata client status",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := askOver(cmd.Context(), c, clientSide, contract.ClientStatus, contract.None{})
			if err != nil {
				return err
			}
			return c.print(s, func(w io.Writer) { clientTable(w, s) })
		},
	}
}

func clientTable(w io.Writer, s contract.ClientState) {
	tabulate(w, nil, [][]string{{"client", s.UserID}, {"policy", s.Policy}, {"last error", cmp.Or(s.LastError, "-")}})
	rows := make([][]string, len(s.Running))
	for i, e := range s.Running {
		rows[i] = []string{e.TaskID, e.State, strconv.Itoa(e.PID), moment(e.Started), e.ExecutionID}
	}
	fmt.Fprintf(w, "\nruns %d\n", len(rows))
	if len(rows) > 0 {
		tabulate(w, []string{"TASK", "STATE", "PID", "SINCE", "EXECUTION"}, rows)
	}
	rows = make([][]string, len(s.Quarantined))
	for i, q := range s.Quarantined {
		rows[i] = []string{q.TaskID, moment(q.Since), moment(q.Until), short(q.Reason, reasonWidth)}
	}
	fmt.Fprintf(w, "\nkeeps %d from running\n", len(rows))
	if len(rows) > 0 {
		tabulate(w, []string{"TASK", "SINCE", "UNTIL", "REASON"}, rows)
	}
}

// moment writes unix seconds as local time; 0 is none.
func moment(unix float64) string {
	if unix == 0 {
		return "-"
	}
	return time.UnixMilli(int64(unix * 1e3)).Format(contract.DateLayout)
}

func (c *cli) clientReleaseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "release TASK",
		Short: "Let this machine's client run a task again that it keeps from running",
		Long: `Let this machine's client run a task again that it keeps from running. It asks
the client's own broker, so it works on the client's machine.`,
		Example: "  agata client release digits",
		Args:    args(1, "the task's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := askOver(cmd.Context(), c, clientSide, contract.ReleaseTask, contract.TaskIDRequest{TaskID: args[0]}); err != nil {
				return err
			}
			fmt.Fprintf(c.err, "released task %s; the client's next request for tasks may start it\n", args[0])
			return nil
		},
	}
}
