package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/bundle"
)

func (c *cli) taskSignCommand() *cobra.Command {
	var id, keyFile string
	cmd := &cobra.Command{
		Use:   "sign DIR",
		Short: "Sign a task's files, where they are",
		Long: `Sign the files in a task's folder: those that its task.json names, or all if there
is none, but for hidden ones. The bundle is written beside them, as ` + bundle.ManifestName + ` and
` + bundle.SignatureName + `, and is uploaded with them: agata task submit does, and agata task upload
when it is told to. The key may stay on a machine without a network.`,
		Example: "  agata task sign experiments/tasks/4fe5 --key ada.key\n  agata task sign . --id digits --key ada.key",
		Args:    args(1, "the task's folder"),
		RunE: func(_ *cobra.Command, args []string) error {
			if keyFile == "" {
				return usagef("say with which private key: --key; agata key new makes one")
			}
			m, err := folderManifest(args[0])
			if err != nil {
				return err
			}
			if id != "" {
				m.TaskID = id
			}
			if m.TaskID == "" {
				return usagef("say which task it is for: --id")
			}
			files, err := m.files()
			if err != nil {
				return usageError{err}
			}
			defer closeFiles(files)
			own, err := c.signFiles(m.TaskID, files, keyFile)
			if err != nil {
				return err
			}
			for _, f := range own {
				if err := os.WriteFile(filepath.Join(m.home, f.name), f.text, 0o644); err != nil {
					return fmt.Errorf("write the bundle: %w", err)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "the task's id, if not task.json's")
	signFlag(cmd, &keyFile, "key")
	return cmd
}

// signFlag is the flag that names the key with which something is signed.
func signFlag(cmd *cobra.Command, to *string, name string) {
	cmd.Flags().StringVar(to, name, "", "sign the files with the private key in this file")
	_ = cmd.MarkFlagFilename(name) // it fails only for a flag that is not there
}

// folderManifest is a folder's task.json or, without one, a description that names
// all of the folder's files.
func folderManifest(dir string) (*manifest, error) {
	if _, err := os.Stat(filepath.Join(dir, manifestName)); err == nil {
		return readManifest(dir)
	}
	root, err := bundle.OpenFolder(dir)
	if err != nil {
		return nil, usageError{err}
	}
	defer root.Close()
	m := &manifest{home: dir, folder: dir}
	if m.ServerFiles, err = bundle.List(root, nil); err != nil {
		return nil, usageError{err}
	}
	return m, nil
}

// signFiles signs files that are about to be uploaded, and returns the two of the
// bundle.
func (c *cli) signFiles(task string, files []localFile, keyFile string) ([]localFile, error) {
	key, err := loadKey(keyFile)
	if err != nil {
		return nil, err
	}
	var list []bundle.File
	for _, f := range files {
		if bundle.IsBundle(f.name) {
			return nil, usagef("%s is not signed, it is the signature: leave it out", f.name)
		}
		described, err := f.describe()
		if err != nil {
			return nil, err
		}
		list = append(list, described)
	}
	manifest, signature, err := bundle.Sign(task, list, time.Now(), key)
	if err != nil {
		return nil, usageError{err}
	}
	fmt.Fprintf(c.err, "signed %d files of task %s as %s; the bundle is %s\n", len(list), task, key.Name, bundle.Digest(manifest))
	return []localFile{ownFile(bundle.ManifestName, manifest), ownFile(bundle.SignatureName, signature)}, nil
}

func ownFile(name string, text []byte) localFile {
	return localFile{name: name, size: int64(len(text)), text: text}
}

// describe reads a file, and leaves it as if it had not been read.
func (f localFile) describe() (bundle.File, error) {
	described, err := bundle.Describe(f.name, io.LimitReader(f.f, f.size))
	if err != nil {
		return described, err
	}
	_, err = f.f.Seek(0, io.SeekStart)
	return described, err
}

// signedBefore returns the bundle that lies beside a task's task.json, if there is
// one: it must be of just these files, or somebody forgot to sign them anew.
func (m *manifest) signedBefore(files []localFile) ([]localFile, error) {
	root, err := bundle.OpenFolder(m.home)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if _, err := root.Lstat(bundle.ManifestName); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	text, signature, err := bundle.Read(root)
	if err != nil {
		return nil, err
	}
	signed, err := bundle.Parse(text)
	if err != nil {
		return nil, err
	}
	stale := func(why string) error {
		return usagef("the bundle in %s is not of this task as it is now: %s; agata task sign %s --key KEY makes a new one, or remove %s", m.home, why, m.home, bundle.ManifestName)
	}
	if signed.Task != m.TaskID {
		return nil, stale("it is for task " + signed.Task)
	}
	if len(signed.Files) != len(files) {
		return nil, stale(fmt.Sprintf("it has %d files, not %d", len(signed.Files), len(files)))
	}
	for _, f := range files {
		now, err := f.describe()
		if err != nil {
			return nil, err
		}
		if was, ok := signed.Find(f.name); !ok || was != now {
			return nil, stale(f.name + " was not signed so")
		}
	}
	return []localFile{ownFile(bundle.ManifestName, text), ownFile(bundle.SignatureName, signature)}, nil
}
