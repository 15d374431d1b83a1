package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/pkg/contract"
)

func (c *cli) taskRevokeCommand() *cobra.Command {
	var reason string
	var yes bool
	cmd := &cobra.Command{
		Use:   "revoke TASK|DIGEST",
		Short: "Keep a task's signed bundle from running, everywhere and for good",
		Long: `Keep a task's signed bundle from running, everywhere and for good: its server and
its running copies at clients are killed, and no client starts it again, even
without a network. The bundle is named by the digest that agata task verify tells,
or is the one that the task has now. The task may run again with another bundle.
It asks before, on a terminal; a script says --yes.`,
		Example: "  agata task revoke digits --reason 'the weights leak'\n  agata task revocations",
		Args:    args(1, "a task's id or a bundle's digest"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				req := contract.RevokeRequest{Digest: args[0], Reason: reason}
				what := "bundle " + cell(args[0])
				if !bundle.ValidDigest(args[0]) {
					digest, err := bundleOf(ctx, api, args[0])
					if err != nil {
						return err
					}
					req.Digest, req.TaskID = digest, args[0]
					what = fmt.Sprintf("bundle %s of task %s", digest, cell(args[0]))
				}
				if !yes {
					if err := c.confirm("revoke " + what + " for good"); err != nil {
						return err
					}
				}
				if err := api.Revoke(ctx, req); err != nil {
					return err
				}
				fmt.Fprintf(c.err, "revoked %s; clients stop it as soon as they hear of it\n", what)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who look later")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// bundleOf is the digest of the bundle that a task has now.
func bundleOf(ctx context.Context, api *apiclient.Client, task string) (string, error) {
	files, err := api.TaskFiles(ctx, task)
	if err != nil {
		return "", advise(err, task)
	}
	for _, f := range files.Value.Files {
		if f.Path == bundle.ManifestName {
			return f.SHA256, nil
		}
	}
	return "", fmt.Errorf("task %s is not signed: it has no bundle that could be revoked; agata task stop %s ends it", task, task)
}

func (c *cli) taskRevocationsCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "revocations",
		Short:   "List the bundles that must not run any more",
		Example: "  agata task revocations",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usagef("--limit %d is negative", limit)
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				list := []apiclient.Object[contract.Revocation]{}
				for r, err := range api.Revocations(ctx, limit) {
					if err != nil {
						return err
					}
					list = append(list, r)
				}
				return c.print(list, func(w io.Writer) {
					rows := make([][]string, len(list))
					for i, r := range list {
						at := time.UnixMilli(int64(r.Value.Revoked * 1000)).Format("2006-01-02 15:04:05")
						rows[i] = []string{r.Value.Digest, r.Value.TaskID, at, r.Value.Reason}
					}
					tabulate(w, []string{"BUNDLE", "TASK", "REVOKED", "REASON"}, rows)
				})
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "how many at most; 0: all")
	return cmd
}
