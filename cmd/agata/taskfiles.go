package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/pkg/contract"
)

func (c *cli) taskFilesCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "files ID",
		Short:   "List a task's files at the cloud, and those that clients would miss",
		Example: "  agata task files digits",
		Args:    args(1, "the task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				files, err := api.TaskFiles(ctx, args[0])
				if err != nil {
					return advise(err, args[0])
				}
				return c.print(files, func(w io.Writer) { filesTable(w, files.Value) })
			})
		},
	}
}

func filesTable(w io.Writer, files contract.TaskFiles) {
	rows := make([][]string, 0, len(files.Files)+len(files.Missing))
	for _, f := range files.Files {
		side := "server"
		if f.Client {
			side = "client"
		}
		rows = append(rows, []string{f.Path, bytesText(f.Size), side, f.SHA256})
	}
	for _, name := range files.Missing {
		rows = append(rows, []string{name, "missing", "client", "-"})
	}
	tabulate(w, []string{"FILE", "SIZE", "FOR", "SHA-256"}, rows)
}

func (c *cli) taskDownloadCommand() *cobra.Command {
	var to string
	var force bool
	cmd := &cobra.Command{
		Use:   "download ID [FILE...]",
		Short: "Fetch a task's files from the cloud: all of them, or those that are named",
		Long: `Fetch a task's files from the cloud: all of them, or those that are named. A file
that is there already is left alone; a download that broke off goes on where it
stopped; each file takes its name only when its digest is the cloud's. A file with
other content is replaced only with --force.`,
		Example: "  agata task download digits --to copy\n  agata task download digits server.py --to . --force",
		Args:    argsBetween(1, -1, "the task's id, and its files if not all"), ValidArgsFunction: first(c.taskIDs, c.taskFiles),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := artifact.ValidTaskID(args[0]); err != nil {
				return usageError{err}
			}
			if to == "" {
				to = args[0]
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				return c.download(ctx, api, args[0], args[1:], to, force)
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "folder for the files, made if need be (default: one named after the task)")
	cmd.Flags().BoolVar(&force, "force", false, "replace files that have other content")
	_ = cmd.MarkFlagDirname("to") // it fails only for a flag that is not there
	return cmd
}

func (c *cli) download(ctx context.Context, api *apiclient.Client, task string, names []string, to string, force bool) (err error) {
	answer, err := api.TaskFiles(ctx, task)
	if err != nil {
		return advise(err, task)
	}
	files, err := chosen(task, answer.Value.Files, names)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	into, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.Close()) }()
	// Before anything is fetched: may all of it be written?
	var wanted []contract.TaskFile
	var size int64
	for _, f := range files {
		if err := artifact.ValidPath(f.Path); err != nil {
			return fmt.Errorf("the cloud lists a file that cannot be kept: %w", err)
		}
		same, there, err := apiclient.Holds(into, f)
		switch {
		case err != nil:
			return err
		case same:
			continue
		case there && !force:
			return fmt.Errorf("%s is there with other content; --force replaces it, --to names another folder", filepath.Join(to, f.Path))
		}
		wanted = append(wanted, f)
		size += f.Size
	}
	bar := newProgress(c.err, size)
	defer bar.end()
	for _, f := range wanted {
		if err := api.Download(ctx, task, f, into, bar.add); err != nil {
			return fmt.Errorf("%w; what came of it is kept, so that the same command goes on", err)
		}
	}
	bar.end()
	fmt.Fprintf(c.err, "%d files of task %s, %s, in %s; %d were there already\n", len(wanted), task, bytesText(size), to, len(files)-len(wanted))
	if c.format == "json" {
		return c.print(files, nil)
	}
	return nil
}

// chosen are the files that are named, or all.
func chosen(task string, all []contract.TaskFile, names []string) ([]contract.TaskFile, error) {
	if len(names) == 0 {
		if len(all) == 0 {
			return nil, fmt.Errorf("task %s has no files at the cloud", task)
		}
		return all, nil
	}
	var files []contract.TaskFile
	for _, name := range names {
		i := slices.IndexFunc(all, func(f contract.TaskFile) bool { return f.Path == name })
		if i < 0 {
			return nil, fmt.Errorf("task %s has no file %q at the cloud; agata task files %s lists them", task, name, task)
		}
		if !slices.Contains(files, all[i]) {
			files = append(files, all[i])
		}
	}
	return files, nil
}

func (c *cli) taskDeleteCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete ID [FILE...]",
		Short: "Delete a task that does not run, with its files, or some of its files alone",
		Long: `Delete a task that does not run, with its files at the cloud; its history stays.
With FILEs only those are deleted. It asks before, on a terminal; a script says --yes.`,
		Example: "  agata task delete digits\n  agata task delete digits old.py --yes",
		Args:    argsBetween(1, -1, "the task's id, and files if only they are to go"), ValidArgsFunction: first(c.taskIDs, c.taskFiles),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, files := args[0], args[1:]
			what := "task " + cell(id) + " and its files at the cloud"
			if len(files) > 0 {
				what = cell(strings.Join(files, ", ")) + " of task " + cell(id)
			}
			if !yes {
				if err := c.confirm("delete " + what); err != nil {
					return err
				}
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				for _, file := range files {
					if err := api.DeleteTaskFile(ctx, id, file); err != nil {
						return advise(err, id)
					}
				}
				if len(files) == 0 {
					if err := api.DeleteTask(ctx, id); err != nil {
						return inConflict(advise(err, id), "agata task stop %s --wait ends it", id)
					}
				}
				fmt.Fprintf(c.err, "deleted %s\n", what)
				return nil
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// confirm asks a person; without one it refuses.
func (c *cli) confirm(what string) error {
	if !onTerminal(c.in) {
		return usagef("%s? There is nobody to ask: say --yes", what)
	}
	fmt.Fprintf(c.err, "%s? [y/N] ", what)
	line, err := bufio.NewReader(io.LimitReader(c.in, 1024)).ReadString('\n')
	if err != nil && line == "" {
		return usagef("nothing is deleted")
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return usagef("nothing is deleted")
}
