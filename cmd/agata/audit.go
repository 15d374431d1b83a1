package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/audit"
	"github.com/agata-fl/agata/pkg/rpc"
)

func (c *cli) auditCommand() *cobra.Command {
	return group("audit", "Who did what, and whether that record is whole",
		"  agata audit verify\n  agata audit show --service cloud-task-manager",
		c.auditVerifyCommand(), c.auditShowCommand())
}

// auditLine is what verify says of one log.
type auditLine struct {
	Service string `json:"service"`
	Entries int64  `json:"entries"`
	Unkeyed int64  `json:"unkeyed"`
	Head    string `json:"head"`
	Error   string `json:"error,omitempty"`
}

func (c *cli) auditVerifyCommand() *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that nobody altered the audit logs of this machine's data folder",
		Long: `Check every entry of the audit logs in the data folder: that none was altered,
removed or put in since it was written. It prints each log's head. Who could
rewrite a log from its beginning would need the cloud's key as well; keep a head
elsewhere and give it with --since to find out even that.`,
		Example: "  agata audit verify\n  agata audit verify --since cloud-gateway=120:9f0c...",
		Args:    args(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			logs, key, err := c.auditLogs()
			if err != nil {
				return err
			}
			service, text, _ := strings.Cut(since, "=")
			kept := audit.Head{}
			if since != "" {
				if kept, err = audit.ParseHead(text); err != nil {
					return usageError{err}
				}
				if logs[service] == "" {
					return usagef("--since names the service %q, which has no log here; write it as SERVICE=HEAD", service)
				}
			}
			var lines []auditLine
			var errs []error
			for _, name := range slices.Sorted(maps.Keys(logs)) {
				head := audit.Head{}
				if name == service {
					head = kept
				}
				r, err := audit.Verify(logs[name], key, head, nil)
				line := auditLine{Service: name, Entries: r.Entries, Unkeyed: r.Unkeyed, Head: r.Head.String()}
				if err != nil {
					line.Error = err.Error()
					errs = append(errs, fmt.Errorf("%s: %w", name, err))
				}
				lines = append(lines, line)
			}
			err = c.print(lines, func(w io.Writer) {
				rows := make([][]string, len(lines))
				for i, l := range lines {
					verdict := "whole"
					if l.Error != "" {
						verdict = "BROKEN"
					}
					rows[i] = []string{l.Service, verdict, fmt.Sprint(l.Entries), l.Head}
				}
				tabulate(w, []string{"SERVICE", "LOG", "ENTRIES", "HEAD"}, rows)
			})
			return errors.Join(append(errs, err)...)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "a head that was kept, as SERVICE=SEQ:HASH: its entry must still be there")
	return cmd
}

func (c *cli) auditShowCommand() *cobra.Command {
	var service string
	cmd := &cobra.Command{
		Use: "show", Short: "Print the audit logs of this machine's data folder, checking them on the way",
		Example: "  agata audit show --service cloud-task-manager",
		Args:    args(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			logs, key, err := c.auditLogs()
			if err != nil {
				return err
			}
			if service != "" && logs[service] == "" {
				return usagef("the service %q has no log here", service)
			}
			entries := []audit.Entry{}
			for _, name := range slices.Sorted(maps.Keys(logs)) {
				if service != "" && name != service {
					continue
				}
				_, verr := audit.Verify(logs[name], key, audit.Head{}, func(e audit.Entry) error { entries = append(entries, e); return nil })
				err = errors.Join(err, verr)
			}
			return errors.Join(err, c.print(entries, func(w io.Writer) {
				rows := make([][]string, len(entries))
				for i, e := range entries {
					rows[i] = []string{e.Time.Local().Format(time.DateTime), e.Who.String(), e.Action, e.On, e.Outcome, e.Detail}
				}
				tabulate(w, []string{"TIME", "WHO", "ACTION", "ON", "OUTCOME", "DETAIL"}, rows)
			}))
		},
	}
	cmd.Flags().StringVar(&service, "service", "", "only the log of this service")
	return cmd
}

// auditLogs finds the logs of the data folder, by service, and the cloud's key,
// if there is one.
func (c *cli) auditLogs() (logs map[string]string, key []byte, err error) {
	cfg, err := c.load()
	if err != nil {
		return nil, nil, err
	}
	paths, err := filepath.Glob(filepath.Join(cfg.Data, "audit", "*.jsonl"))
	if err != nil {
		return nil, nil, err
	}
	if len(paths) == 0 {
		return nil, nil, fmt.Errorf("there is no audit log in %s: give the data folder of a cloud with --data", filepath.Join(cfg.Data, "audit"))
	}
	logs = map[string]string{}
	for _, path := range paths {
		logs[strings.TrimSuffix(filepath.Base(path), ".jsonl")] = path
	}
	cloud, err := rpc.LoadKey(cfg.Auth.KeyFile)
	if errors.Is(err, fs.ErrNotExist) { // an open cloud has none
		err = nil
	}
	return logs, audit.Key(cloud), err
}
