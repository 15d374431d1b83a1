package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/internal/bundle"
)

func (c *cli) taskVerifyCommand() *cobra.Command {
	var keys string
	var cloud bool
	cmd := &cobra.Command{
		Use:   "verify DIR|TASK",
		Short: "Tell whether a trusted signer signed a task's files, as they are",
		Long: `Tell whether one of the signers of an allow-list signed a task's files, as they
are now: those in a folder, or those that the cloud has, which are fetched for that.
The allow-list is --keys or else trusted_keys of section [tasks].`,
		Example: "  agata task verify experiments/tasks/4fe5 --keys trusted_keys\n  agata task verify digits",
		Args:    args(1, "a folder or a task's id"), ValidArgsFunction: first(c.taskIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			trusted, err := c.trusted(keys)
			if err != nil {
				return err
			}
			if info, err := os.Stat(args[0]); err == nil && info.IsDir() && !cloud {
				return c.verifyFolder(args[0], trusted)
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				return c.verifyTask(ctx, api, args[0], trusted)
			})
		},
	}
	cmd.Flags().StringVar(&keys, "keys", "", "file with the public keys of the trusted signers, one a line")
	cmd.Flags().BoolVar(&cloud, "cloud", false, "what the cloud has, although there is a folder of the task's name")
	_ = cmd.MarkFlagFilename("keys") // it fails only for a flag that is not there
	return cmd
}

func (c *cli) trusted(file string) (bundle.Keys, error) {
	if file == "" {
		cfg, err := c.load()
		if err != nil {
			return bundle.Keys{}, err
		}
		if file = cfg.Tasks.TrustedKeys; file == "" {
			return bundle.Keys{}, usagef("name an allow-list of signers: --keys, or trusted_keys in section [tasks]")
		}
	}
	keys, err := bundle.LoadKeys(file)
	if err != nil {
		return keys, usageError{err}
	}
	return keys, nil
}

// verifyFolder verifies a folder in which its author works: what else is there
// does not matter.
func (c *cli) verifyFolder(dir string, trusted bundle.Keys) (err error) {
	m, err := folderManifest(dir)
	if err != nil {
		return err
	}
	home, err := bundle.OpenFolder(m.home)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, home.Close()) }()
	folder, err := bundle.OpenFolder(m.folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	text, signature, err := bundle.Read(home)
	if err != nil {
		return err
	}
	signed, err := bundle.Verify(text, signature, trusted)
	if err != nil {
		return err
	}
	if err := signed.CheckFiles(folder, signed.Paths()); err != nil {
		return err
	}
	return c.printVerified(bundle.Verified{Manifest: signed, Digest: bundle.Digest(text), Signer: trusted.Signer(signed)}, false)
}

// verifyTask verifies what the cloud has, as a client would.
func (c *cli) verifyTask(ctx context.Context, api *apiclient.Client, task string, trusted bundle.Keys) (err error) {
	files, err := api.TaskFiles(ctx, task)
	if err != nil {
		return advise(err, task)
	}
	dir, err := os.MkdirTemp("", "agata-verify-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, f := range files.Value.Files {
		if err := api.Download(ctx, task, f, root, func(int64) {}); err != nil {
			return err
		}
	}
	v, err := bundle.ReadVerified(root, task, trusted)
	if err == nil {
		err = v.Manifest.Check(root, v.Manifest.Paths())
	}
	if err != nil {
		return err
	}
	for r, err := range api.Revocations(ctx, 0) {
		if err != nil {
			return err
		}
		if r.Value.Digest == v.Digest {
			return errors.Join(c.printVerified(v, true), fmt.Errorf("the bundle of task %s was revoked: %s", task, cell(r.Value.Reason)))
		}
	}
	return c.printVerified(v, false)
}

func (c *cli) printVerified(v bundle.Verified, revoked bool) error {
	m := v.Manifest
	state := "right"
	if revoked {
		state = "revoked"
	}
	return c.print(struct {
		*bundle.Manifest
		Digest  string `json:"digest"`
		Signer  string `json:"signer"`
		Revoked bool   `json:"revoked"`
	}{m, v.Digest, v.Signer, revoked}, func(w io.Writer) {
		tabulate(w, nil, [][]string{
			{"task", m.Task}, {"signed by", v.Signer}, {"on", m.Created.Local().Format("2006-01-02 15:04:05")},
			{"files", fmt.Sprint(len(m.Files))}, {"bundle", v.Digest}, {"state", state},
		})
	})
}
