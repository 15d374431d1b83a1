package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

const watchEvery = 2 * time.Second

func watchFlag(cmd *cobra.Command, w *watchFlags) {
	cmd.Flags().BoolVarP(&w.on, "watch", "w", false, "show it again whenever it changes, until interrupted")
	cmd.Flags().DurationVar(&w.every, "every", watchEvery, "how often --watch looks")
}

func (c *cli) taskListCommand() *cobra.Command {
	var f apiclient.TaskFilter
	var w watchFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the tasks and how they stand",
		Example: "  agata task list --state running --watch\n  agata task list --search digits --newest --limit 10 --format json",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.State != "" && !slices.Contains(taskStates, f.State) {
				return usagef("--state is %q, not one of %s", f.State, strings.Join(taskStates, ", "))
			}
			if err := checkLimit(f.Limit); err != nil {
				return err
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				return w.show(ctx, c, func(ctx context.Context, c *cli) error {
					_, err := list(c, api.Tasks(ctx, f), []string{"ID", "STATE", "ROUND", "ACC", "REASON", "TAGS"},
						func(t contract.TaskSummary) []string {
							return []string{t.ID, t.State, t.Round, short(t.Acc, 20), short(t.Reason, reasonWidth), strings.Join(t.Tags, ",")}
						})
					return err
				})
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.State, "state", "", "only tasks in a state: "+strings.Join(taskStates, ", "))
	fl.StringVar(&f.Query, "search", "", "only tasks with this in their id or in a tag")
	fl.BoolVar(&f.Newest, "newest", false, "the task created last first, instead of by id")
	fl.IntVar(&f.Limit, "limit", 0, "how many at most; 0: all")
	watchFlag(cmd, &w)
	fl.BoolVarP(&w.on, "follow", "f", false, "the same as --watch")
	choice(cmd, "state", taskStates...)
	return cmd
}
