package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

func (c *cli) clientCommand() *cobra.Command {
	return group("client", "Look at clients: all of them at the cloud, or this machine's own",
		"  agata client list\n  agata client status",
		c.clientListCommand(), c.clientShowCommand(), c.clientExecutionsCommand(), c.clientStatusCommand(), c.clientReleaseCommand(),
		c.clientEnrolCommand(), c.clientJoinCommand(), c.clientRevokeCommand())
}

func (c *cli) clientListCommand() *cobra.Command {
	var search string
	var limit int
	var w watchFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the clients that the cloud knows, and what they do now",
		Example: "  agata client list\n  agata client list --search car --watch",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				return w.show(ctx, c, func(ctx context.Context, c *cli) error {
					now := time.Now()
					_, err := list(c, api.Clients(ctx, search, limit),
						[]string{"ID", "DATA", "SENSORS", "ATTRIBUTES", "LAST SEEN", "ONLINE", "RUNNING", "QUARANTINED", "POLICY"},
						func(l apiclient.ClientLine) []string { return clientRow(l, now) })
					return err
				})
			})
		},
	}
	cmd.Flags().StringVar(&search, "search", "", "only clients with this in their id")
	cmd.Flags().IntVar(&limit, "limit", 0, "how many at most; 0: all")
	watchFlag(cmd, &w)
	return cmd
}

func clientRow(l apiclient.ClientLine, now time.Time) []string {
	online := "no"
	if l.Online {
		online = "yes"
	}
	var running []string
	for _, e := range l.Running {
		running = append(running, e.TaskID)
	}
	return []string{l.ID, orDash(l.DataQnt), cmp.Or(strings.Join(l.Sensors, ","), "-"), cmp.Or(short(attributes(l.Attributes), reasonWidth), "-"),
		ago(l.LastSeen, now), online, cmp.Or(strings.Join(running, ","), "-"), strconv.Itoa(l.Quarantined), cmp.Or(l.Policy, "-")}
}

func (c *cli) clientShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show USER",
		Short: "Show what the cloud knows of a client: what it has, runs, and keeps from running",
		Long: `Show what the cloud knows of a client: what it has, as it told last; what it runs;
which tasks it keeps from running, and why; and what it ran last.`,
		Example: "  agata client show car-7",
		Args:    args(1, "the client's user id"), ValidArgsFunction: first(c.clientIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				client, err := api.Client(ctx, args[0])
				if err != nil {
					return advise(err, args[0])
				}
				if c.format == "json" {
					return c.print(client, nil)
				}
				var last [][]string
				for e, err := range api.Executions(ctx, apiclient.ExecutionFilter{Client: args[0], Limit: lastExecutions}) {
					if err != nil {
						return err
					}
					last = append(last, executionRow(e.Value))
				}
				clientDetail(c.out, client.Value, last)
				return nil
			})
		},
	}
}

// lastExecutions is how many of a client's last executions are shown with it.
const lastExecutions = 10

func clientDetail(w io.Writer, u apiclient.ClientDetail, last [][]string) {
	seen := ago(u.LastSeen, time.Now())
	if u.Online {
		seen += " (online)"
	}
	tabulate(w, nil, [][]string{
		{"id", u.ID},
		{"first seen", u.CreationDate.Format(contract.DateLayout)},
		{"last told", u.LastModDate.Format(contract.DateLayout)},
		{"last seen", seen},
		{"data_qnt", orDash(u.DataQnt)},
		{"avg_acc_contrib", orDash(u.AvgAccContrib)},
		{"avg_disconnection_per_round", orDash(u.AvgDisconnectionPerRound)},
		{"sensors", strings.Join(u.Sensors, ", ")},
		{"attributes", attributes(u.Attributes)},
	})
	if u.State != nil {
		fmt.Fprintln(w)
		stateTable(w, *u.State)
	}
	if len(last) > 0 {
		fmt.Fprintln(w, "\nran last")
		tabulate(w, executionHead, last)
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
	stateTable(w, s, []string{"client", s.UserID})
}

// stateTable is what a client's task manager does; lead comes first.
func stateTable(w io.Writer, s contract.ClientState, lead ...[]string) {
	tabulate(w, nil, append(lead, []string{"policy", s.Policy}, []string{"last error", cmp.Or(s.LastError, "-")}))
	rows := make([][]string, len(s.Running))
	for i, e := range s.Running {
		rows[i] = []string{e.TaskID, standing(e.State, e.StalledSince), strconv.Itoa(e.PID), moment(e.Started), e.ExecutionID}
	}
	fmt.Fprintf(w, "\nruns %d\n", len(rows))
	if len(rows) > 0 {
		tabulate(w, []string{"TASK", "STATE", "PID", "SINCE", "EXECUTION"}, rows)
	}
	rows = make([][]string, len(s.Quarantined))
	for i, q := range s.Quarantined {
		rows[i] = []string{q.TaskID, moment(q.Since), moment(q.Until), short(string(q.Reason), reasonWidth)}
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
