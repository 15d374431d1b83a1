package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/config"
)

func (c *cli) taskUploadCommand() *cobra.Command {
	var folders bool
	var sign string
	cmd := &cobra.Command{
		Use:     "upload ID FILE...",
		Short:   "Send a task's files to the cloud, those of the server and those of clients",
		Example: "  agata task upload digits server.py client.py task.py\n  agata task upload digits --sign ada.key server.py client.py task.py",
		Args:    argsBetween(2, -1, "the task's id and its files"), ValidArgsFunction: first(c.taskIDs, localFiles),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := openNamed(args[1:], folders)
			if err != nil {
				return err
			}
			defer closeFiles(files)
			if sign != "" {
				own, err := c.signFiles(args[0], files, sign)
				if err != nil {
					return err
				}
				files = append(files, own...)
			}
			answer, err := c.sendFiles(cmd.Context(), args[0], files)
			if err != nil || c.format != "json" {
				return err
			}
			return c.print(answer, func(io.Writer) {})
		},
	}
	signFlag(cmd, &sign, "sign")
	cmd.Flags().BoolVar(&folders, "folders", false, "keep the folders in FILE, as in lib/model.py; else only the last part is the file's name")
	return cmd
}

// openNamed opens files under the names that they are to have at the cloud.
func openNamed(paths []string, folders bool) (files []localFile, err error) {
	from := map[string]string{}
	for _, path := range paths {
		name := filepath.Base(path)
		if folders {
			name = filepath.ToSlash(filepath.Clean(path))
		}
		if other, taken := from[name]; taken {
			closeFiles(files)
			return nil, usagef("%s and %s would both be %s at the cloud; --folders keeps them apart", other, path, name)
		}
		from[name] = path
		f, err := openLocal(name, path)
		if err == nil {
			err = artifact.ValidPath(name)
			files = append(files, f)
		}
		if err != nil {
			closeFiles(files)
			return nil, usageError{err}
		}
	}
	return files, nil
}

// sendFiles uploads files and says so.
func (c *cli) sendFiles(ctx context.Context, id string, files []localFile) (uploaded, error) {
	if err := artifact.ValidTaskID(id); err != nil {
		return uploaded{}, usageError{err}
	}
	cfg, err := c.load()
	if err != nil {
		return uploaded{}, err
	}
	ticket, err := c.uploadTicket(ctx, cfg, id)
	if err != nil {
		return uploaded{}, err
	}
	secure, err := c.clientTLS(cfg)
	if err != nil {
		return uploaded{}, err
	}
	answer, err := uploader{base: cfg.FilesURL(), token: ticket, tls: secure, people: c.err, stall: stallTime}.send(ctx, id, files)
	if err != nil {
		return answer, err
	}
	var size int64
	for _, f := range files {
		size += f.size
	}
	fmt.Fprintf(c.err, "uploaded %d files of task %s, %s\n", len(answer.Files), id, bytesText(size))
	return answer, nil
}

// uploadTicket asks the gateway for a token for the file server, if this operator
// has signed in; an open cloud wants none.
func (c *cli) uploadTicket(ctx context.Context, cfg *config.Config, id string) (string, error) {
	shown, err := token(cfg.GatewayURL())
	if err != nil || shown == "" {
		return "", err
	}
	var ticket string
	err = c.api(ctx, func(ctx context.Context, api *apiclient.Client) error {
		issued, err := api.UploadTicket(ctx, id)
		ticket = issued.Value.Token
		return err
	})
	return ticket, err
}

func (c *cli) taskSubmitCommand() *cobra.Command {
	var id, sign string
	var w waiting
	cmd := &cobra.Command{
		Use:   "submit DIR",
		Short: "Create a task from its folder, upload its files, and start it",
		Long: `Create a task from its folder's task.json, upload the files that this names, and
start it: the verbs create, upload and start in one. It stops at the first step
that fails and says how to go on. With --sign the files are signed as well; a bundle
that agata task sign left in the folder is uploaded with them.`,
		Example: "  agata task submit experiments/tasks/4fe5\n  agata task submit experiments/tasks/4fe5 --id second --wait",
		Args:    args(1, "the task's folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := readManifest(args[0])
			if err != nil {
				return err
			}
			if id != "" {
				m.TaskID = id
			}
			if err := w.check(); err != nil {
				return err
			}
			return c.submit(cmd.Context(), m, sign, w)
		},
	}
	signFlag(cmd, &sign, "sign")
	cmd.Flags().StringVar(&id, "id", "", "register it under another id than the manifest's")
	w.bind(cmd)
	return cmd
}

func (c *cli) submit(ctx context.Context, m *manifest, sign string, w waiting) error {
	// Before anything is registered: is all of it here?
	files, err := m.files()
	if err != nil {
		return usageError{err}
	}
	defer closeFiles(files)
	own, err := m.signedBefore(files)
	if sign != "" {
		own, err = c.signFiles(m.TaskID, files, sign)
	}
	if err != nil {
		return err
	}
	files = append(files, own...)
	step := func(n int, what string) { fmt.Fprintf(c.err, "%d/3 %s\n", n, what) }

	step(1, "create task "+m.TaskID)
	if _, err := c.createTask(ctx, m); err != nil {
		return fmt.Errorf("create task %s: %w", m.TaskID, err)
	}
	step(2, fmt.Sprintf("upload its %d files", len(files)))
	if _, err := c.sendFiles(ctx, m.TaskID, files); err != nil {
		return fmt.Errorf("upload: %w\ntask %s is created; go on with agata task upload %s FILE... and agata task start %s", err, m.TaskID, m.TaskID, m.TaskID)
	}
	step(3, "start it")
	return c.api(ctx, func(ctx context.Context, api *apiclient.Client) error {
		task, err := api.StartTask(ctx, m.TaskID, nil)
		if err != nil {
			return fmt.Errorf("start: %w\ntask %s is created and its files are there; go on with agata task start %s, or look at agata task logs %s", err, m.TaskID, m.TaskID, m.TaskID)
		}
		fmt.Fprintf(c.err, "task %s runs; agata task logs %s --follow shows what it does\n", m.TaskID, m.TaskID)
		if err := c.printDetail(task); err != nil {
			return err
		}
		return w.wait(ctx, c, api, m.TaskID)
	})
}
