package main

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// completeTime is how long a shell's completion may wait for the gateway.
	completeTime = time.Second
	// maxCompletions is how many a completion offers at most.
	maxCompletions = 200
)

// completing asks the gateway for completions; without an answer there are none.
func (c *cli) completing(ctx context.Context, ask func(context.Context, *apiclient.Client) []cobra.Completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	var found []cobra.Completion
	_ = c.api(ctx, func(ctx context.Context, api *apiclient.Client) error {
		found = ask(ctx, api)
		return nil
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}

// collect gathers completions of a list that begin as was typed.
func collect[T any](all iter.Seq2[apiclient.Object[T], error], typed string, text func(T) (id, about string)) (found []cobra.Completion) {
	for v, err := range all {
		if err != nil || len(found) == maxCompletions {
			break
		}
		if id, about := text(v.Value); strings.HasPrefix(id, typed) {
			found = append(found, cobra.CompletionWithDesc(cell(id), cell(about)))
		}
	}
	return found
}

func (c *cli) taskIDs(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.completing(cmd.Context(), func(ctx context.Context, api *apiclient.Client) []cobra.Completion {
		return collect(api.Tasks(ctx, apiclient.TaskFilter{Query: typed}), typed, func(t contract.TaskSummary) (string, string) { return t.ID, t.State })
	})
}

func (c *cli) clientIDs(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.completing(cmd.Context(), func(ctx context.Context, api *apiclient.Client) []cobra.Completion {
		return collect(api.Clients(ctx, typed, 0), typed, func(l apiclient.ClientLine) (string, string) {
			if l.Online {
				return l.ID, "online"
			}
			return l.ID, "away"
		})
	})
}

// taskFiles completes the files of the task that the first argument names.
func (c *cli) taskFiles(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.completing(cmd.Context(), func(ctx context.Context, api *apiclient.Client) (found []cobra.Completion) {
		files, err := api.TaskFiles(ctx, args[0])
		if err != nil {
			return nil
		}
		for _, f := range files.Value.Files {
			if strings.HasPrefix(f.Path, typed) {
				found = append(found, cobra.CompletionWithDesc(f.Path, bytesText(f.Size)))
			}
		}
		return found
	})
}

// first completes the first argument by one function and the others by another;
// nil completes nothing.
func first(one, others cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		fn := one
		if len(args) > 0 {
			fn = others
		}
		if fn == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return fn(cmd, args, typed)
	}
}

// localFiles leaves the completion of a file to the shell.
func localFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// taskStates are the states that a list of tasks is narrowed to.
var taskStates = []string{"new", "running", "finished", "failed", "stopped"}
