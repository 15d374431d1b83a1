package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

// definition are the flags that say what a task is.
type definition struct {
	host, username, password         string
	port                             int
	criteria, serverArgs, clientArgs string
	files, tags                      []string
}

func (d *definition) bind(f *pflag.FlagSet) {
	f.StringVar(&d.host, "host", "", "host on which the task's own server listens")
	f.IntVar(&d.port, "port", 0, "port of the task's own server; 0: its arguments tell")
	f.StringVar(&d.username, "username", "", "user name with which clients download the task's files")
	f.StringVar(&d.password, "password", "", "password for them")
	f.StringVar(&d.criteria, "criteria", "", "which clients get the task, such as 'data_qnt > 50 and \"camera\" in sensors'; none: all")
	f.StringVar(&d.serverArgs, "server-args", "", "arguments of server.py")
	f.StringVar(&d.clientArgs, "client-args", "", "arguments of client.py")
}

func (d *definition) bindLists(f *pflag.FlagSet) {
	f.StringArrayVar(&d.files, "file", nil, "name of a file that clients download; may be repeated")
	f.StringArrayVar(&d.tags, "tag", nil, "tag of the task; may be repeated")
}

// onto puts the flags that were given over a manifest.
func (d *definition) onto(f *pflag.FlagSet, m *manifest) {
	for name, set := range map[string]func(){
		"host": func() { m.Host = d.host }, "port": func() { m.Port = d.port },
		"username": func() { m.Username = d.username }, "password": func() { m.Password = d.password },
		"criteria":    func() { m.SelectionCriteria = d.criteria },
		"server-args": func() { m.ServerArguments = d.serverArgs }, "client-args": func() { m.ClientArguments = d.clientArgs },
		"file": func() { m.FilesPaths = d.files }, "tag": func() { m.Tags = d.tags },
	} {
		if f.Changed(name) {
			set()
		}
	}
}

// update is the flags that were given as a change of a task.
func (d *definition) update(f *pflag.FlagSet, id string) (req contract.UpdateTaskRequest, any bool) {
	req.TaskID = id
	for name, set := range map[string]func(){
		"host": func() { req.Host = &d.host }, "port": func() { req.Port = &d.port },
		"username": func() { req.Username = &d.username }, "password": func() { req.Password = &d.password },
		"criteria":    func() { req.SelectionCriteria = &d.criteria },
		"server-args": func() { req.ServerArguments = &d.serverArgs }, "client-args": func() { req.ClientArguments = &d.clientArgs },
	} {
		if f.Changed(name) {
			set()
			any = true
		}
	}
	return req, any
}

func (c *cli) taskCreateCommand() *cobra.Command {
	var d definition
	var from string
	cmd := &cobra.Command{
		Use:   "create ID | create --from DIR",
		Short: "Register a task; its files are uploaded apart",
		Long: `Register a task. --from takes a folder with a task.json, or that file; an ID and
flags beside it stand in for what the file says. Left out, the host is
server.broker.host, the user name agata, and the password is made up.`,
		Example: `  agata task create digits --file client.py --file task.py --server-args '--rounds 3'
  agata task create --from experiments/tasks/4fe5
  agata task create second --from experiments/tasks/4fe5 --criteria 'data_qnt > 50'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("one task at a time: %s", cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			m := &manifest{}
			if from != "" {
				var err error
				if m, err = readManifest(from); err != nil {
					return err
				}
			}
			if len(args) == 1 {
				m.TaskID = args[0]
			}
			if m.TaskID == "" {
				return usagef("give the task an id, or name its manifest by --from: %s", cmd.UseLine())
			}
			d.onto(cmd.Flags(), m)
			task, err := c.createTask(cmd.Context(), m)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.err, "created task %s\n", m.TaskID)
			return c.printDetail(task)
		},
	}
	cmd.ValidArgsFunction = first(nil, nil)
	d.bind(cmd.Flags())
	d.bindLists(cmd.Flags())
	cmd.Flags().StringVar(&from, "from", "", "folder with a task.json, or that file")
	return cmd
}

func (c *cli) createTask(ctx context.Context, m *manifest) (task apiclient.Object[apiclient.TaskDetail], err error) {
	cfg, err := c.load()
	if err != nil {
		return task, err
	}
	req, err := m.request(cfg.ServerBroker.Host)
	if err != nil {
		return task, err
	}
	err = c.api(ctx, func(ctx context.Context, api *apiclient.Client) error {
		task, err = api.CreateTask(ctx, req)
		return err
	})
	return task, inConflict(advise(err, m.TaskID), "take another id, or change it by agata task update %s", m.TaskID)
}

func (c *cli) taskUpdateCommand() *cobra.Command {
	var d definition
	var revision int64
	cmd := &cobra.Command{
		Use:   "update ID",
		Short: "Change what is registered of a task",
		Long: `Change what is registered of a task. With --if-unchanged it is changed only if it
still has the revision that agata task show told, so that nobody's change is lost.`,
		Example: "  agata task update digits --criteria 'data_qnt > 100' --server-args '--rounds 10'\n  agata task update digits --port 18080 --if-unchanged 3",
		Args:    args(1, "the task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, any := d.update(cmd.Flags(), args[0])
			if !any {
				return usagef("name what to change, such as --criteria; see %s --help", cmd.CommandPath())
			}
			if cmd.Flags().Changed("if-unchanged") && revision < 1 {
				return usagef("--if-unchanged %d is no revision; agata task show tells it", revision)
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				task, err := api.UpdateTask(ctx, req, revision)
				if err != nil {
					return inConflict(advise(err, args[0]), "agata task show %s tells what it is now", args[0])
				}
				fmt.Fprintf(c.err, "updated task %s\n", args[0])
				return c.printDetail(task)
			})
		},
	}
	d.bind(cmd.Flags())
	cmd.Flags().Int64Var(&revision, "if-unchanged", apiclient.AnyRevision, "change it only if this is still its revision")
	return cmd
}
