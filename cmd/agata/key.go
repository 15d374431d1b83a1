package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/bundle"
)

func (c *cli) keyCommand() *cobra.Command {
	return group("key", "Make and show keys that sign tasks",
		"  agata key new ada\n  agata key show ada.key >> trusted_keys",
		c.keyNewCommand(), c.keyShowCommand())
}

func (c *cli) keyNewCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a key that signs tasks",
		Long: `Make a key that signs tasks. The private key is written to NAME.key, or to --out,
for its owner alone; the public key is printed as the line that goes into the
allow-lists of those who are to run what it signs (trusted_keys in section [tasks]).`,
		Example: "  agata key new ada\n  agata key new ada --out ~/keys/ada.key >> trusted_keys",
		Args:    args(1, "the signer's name"),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := bundle.NewKey(args[0])
			if err != nil {
				return usageError{err}
			}
			if out == "" {
				out = args[0] + ".key"
			}
			if err := key.Save(out); errors.Is(err, fs.ErrExist) {
				return usagef("%s is there already: it is not replaced; --out names another file", out)
			} else if err != nil {
				return err
			}
			fmt.Fprintf(c.err, "the private key is in %s; keep it to yourself. The public key:\n", out)
			return c.printKey(key.Public())
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file for the private key (default NAME.key)")
	return cmd
}

func (c *cli) keyShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show FILE",
		Short:   "Print the public key of a private key, as allow-lists have it",
		Example: "  agata key show ada.key >> trusted_keys",
		Args:    args(1, "the private key's file"),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := loadKey(args[0])
			if err != nil {
				return err
			}
			return c.printKey(key.Public())
		},
	}
}

func (c *cli) printKey(key bundle.PublicKey) error {
	return c.print(map[string]string{"name": key.Name, "id": key.ID(), "line": key.String()}, func(w io.Writer) {
		fmt.Fprintln(w, key)
	})
}

// loadKey reads the private key that somebody named on the command line.
func loadKey(path string) (bundle.PrivateKey, error) {
	key, err := bundle.LoadPrivateKey(path)
	if err != nil {
		return key, usageError{err}
	}
	return key, nil
}
