package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
)

func (c *cli) tlsCommand() *cobra.Command {
	return group("tls", "Make certificates of a private authority, and look at them",
		"  agata tls init --host cloud.example --host 10.8.0.1\n  agata tls show",
		c.tlsInitCommand(), c.tlsIssueCommand(), c.tlsShowCommand())
}

// tlsFlags are what the verbs of tls share.
type tlsFlags struct {
	dir   string
	hosts []string
	force bool
}

func (o *tlsFlags) dirFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dir, "dir", "", "folder of the certificates (default tls in the data folder)")
}

func (o *tlsFlags) madeFlags(cmd *cobra.Command, hosts string) {
	o.dirFlag(cmd)
	cmd.Flags().StringArrayVar(&o.hosts, "host", nil, hosts)
	cmd.Flags().BoolVar(&o.force, "force", false, "replace files that are there")
}

// folder is the folder of the certificates, absolute.
func (c *cli) folder(o tlsFlags) (pki.Folder, error) {
	cfg, err := c.load()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cfg.Data, "tls")
	if o.dir != "" {
		if dir, err = filepath.Abs(o.dir); err != nil {
			return "", fmt.Errorf("find the folder of certificates: %w", err)
		}
	}
	return pki.Folder(dir), nil
}

func (c *cli) tlsInitCommand() *cobra.Command {
	var o tlsFlags
	cmd := &cobra.Command{
		Use:   "init --host HOST...",
		Short: "Make an authority, and certificates for the cloud's servers and for clients",
		Long: `Make a private authority, a certificate for the cloud's servers and one for those
who connect to them, and print the lines of config.ini that use them. --host names
what clients reach the cloud by: names or addresses. localhost is always among them.

The authority lasts ten years, certificates 825 days. agata tls issue makes further
ones and renews: a renewed file is used without a restart.`,
		Example: "  agata tls init --host cloud.example --host 10.8.0.1",
		Args:    args(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			f, err := c.folder(o)
			if err != nil {
				return err
			}
			if len(o.hosts) == 0 {
				return usagef("name what clients reach the cloud by: --host cloud.example, or --host localhost for one machine")
			}
			if err := f.Init(o.hosts, time.Now(), o.force); err != nil {
				return refusedIssue(err, "--force makes a new authority, which every client must then be given")
			}
			fmt.Fprintf(c.err, "made an authority and two certificates in %s\nWho has %s can make certificates: keep it off the network, such as on a medium of its own.\n", string(f), f.Key(pki.AuthorityName))
			list, err := f.List(time.Now())
			if err != nil {
				return err
			}
			return c.print(list, func(w io.Writer) {
				fmt.Fprintf(w, cloudLines, f.Cert("server"), f.Key("server"), f.Cert("ca"), f.Cert("client"), f.Key("client"))
			})
		},
	}
	o.madeFlags(cmd, "name or address that the cloud is reached by; may be repeated")
	return cmd
}

const cloudLines = `# config.ini of the cloud:
[tls]
cert = %s
key = %s
ca = %s
client_cert = %s
client_key = %s
# Serve only who shows a certificate of this authority:
# require_client_cert = true

# config.ini of clients and operators, who need copies of ca.pem, and of client.pem and
# client.key for require_client_cert:
# [tls]
# ca = /etc/agata/ca.pem
# client_cert = /etc/agata/client.pem
# client_key = /etc/agata/client.key
`

func (c *cli) tlsIssueCommand() *cobra.Command {
	var o tlsFlags
	var name, kind string
	cmd := &cobra.Command{
		Use:     "issue --name NAME --kind server|client",
		Short:   "Make another certificate by the authority, or renew one",
		Example: "  agata tls issue --name car-7 --kind client\n  agata tls issue --name server --kind server --host cloud.example --force",
		Args:    args(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			f, err := c.folder(o)
			if err != nil {
				return err
			}
			if name == "" || kind != string(pki.Server) && kind != string(pki.Client) {
				return usagef("say what to make: --name NAME --kind server or --kind client")
			}
			if kind == string(pki.Server) {
				if len(o.hosts) == 0 {
					return usagef("a server's certificate needs the hosts that it is reached by: --host HOST")
				}
				o.hosts = append(o.hosts, pki.Local()...)
			}
			if err := f.Issue(pki.Request{Name: name, Kind: pki.Kind(kind), Hosts: o.hosts, Now: time.Now()}, o.force); err != nil {
				return refusedIssue(err, "--force renews it")
			}
			fmt.Fprintf(c.err, "made %s and %s\n", f.Cert(name), f.Key(name))
			return nil
		},
	}
	o.madeFlags(cmd, "name or address that the server is reached by; may be repeated")
	cmd.Flags().StringVar(&name, "name", "", "name of the files, and of the certificate")
	cmd.Flags().StringVar(&kind, "kind", "", "server or client: who shows it")
	choice(cmd, "kind", string(pki.Server), string(pki.Client))
	return cmd
}

func refusedIssue(err error, hint string) error {
	if errors.Is(err, pki.ErrExists) {
		return fmt.Errorf("%w: nothing was written; %s", err, hint)
	}
	return err
}

func (c *cli) tlsShowCommand() *cobra.Command {
	var o tlsFlags
	cmd := &cobra.Command{
		Use: "show", Short: "List the certificates of a folder: whose they are, until when, and for which hosts",
		Args: args(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			f, err := c.folder(o)
			if err != nil {
				return err
			}
			list, err := f.List(time.Now())
			if err != nil {
				return err
			}
			if len(list) == 0 {
				return fmt.Errorf("there is no certificate in %s: agata tls init makes some", string(f))
			}
			return c.print(list, func(w io.Writer) {
				rows := make([][]string, len(list))
				for i, e := range list {
					rows[i] = []string{filepath.Base(e.File), e.Kind, e.Name, e.Until.Format(time.DateOnly), e.State, strings.Join(e.Hosts, " ")}
				}
				tabulate(w, []string{"FILE", "KIND", "NAME", "UNTIL", "STATE", "HOSTS"}, rows)
			})
		},
	}
	o.dirFlag(cmd)
	return cmd
}

// clientTLS is what the command line connects with.
func (c *cli) clientTLS(cfg *config.Config) (*tls.Config, error) {
	log := slog.New(slog.DiscardHandler)
	if c.verbose {
		log = c.logger(cfg)
	}
	secure, err := pki.ClientConfig(cfg.TLS, log)
	if err != nil {
		return nil, usageError{err}
	}
	return secure, nil
}
