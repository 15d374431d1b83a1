package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/internal/keyring"
)

func (c *cli) clientEnrolCommand() *cobra.Command {
	var hours int
	cmd := &cobra.Command{
		Use:   "enrol [CLIENT]",
		Short: "Make a one-time token with which a client enrols; it is printed this once",
		Long: `Make a one-time token with which a client enrols at the cloud, by agata client join on
its machine or as token in section [client.auth] of its config.ini. With a CLIENT it is
good for that user id alone.`,
		Example: "  agata client enrol car-7",
		Args:    argsBetween(0, 1, "at most one client"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client := ""
			if len(args) == 1 {
				client = args[0]
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				issued, err := api.Enrol(ctx, client, hours)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.err, "good once, until %s\n", time.Unix(int64(issued.Value.Expires), 0).Format(time.DateTime))
				return c.print(issued, func(w io.Writer) { fmt.Fprintln(w, issued.Value.Token) })
			})
		},
	}
	cmd.Flags().IntVar(&hours, "hours", 24, "how long it is good for")
	return cmd
}

func (c *cli) clientJoinCommand() *cobra.Command {
	var p passwordFlags
	cmd := &cobra.Command{
		Use:   "join",
		Short: "Enrol this machine's client at the cloud with a one-time token",
		Long: `Enrol this machine's client at the cloud with a one-time token, which agata client enrol
makes, and keep the credential that it is given in client.auth.credential_file. The token
is asked for at the terminal, or read as the flags say.`,
		Example: "  agata client join\n  agata client join --password-file token.txt",
		Args:    args(0, "no arguments: the token is no argument, as every process can read those"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			if old, err := keyring.Credential(cfg.ClientAuth.CredentialFile); err != nil {
				return err
			} else if old != "" {
				return fmt.Errorf("this client has a credential already, in %s: remove the file to enrol anew", cfg.ClientAuth.CredentialFile)
			}
			token, err := c.password(p, "enrolment token", false)
			if err != nil {
				return err
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				credential, err := api.Join(ctx, token, cfg.Info.UserID)
				if err != nil {
					return err
				}
				if err := keyring.SetCredential(cfg.ClientAuth.CredentialFile, credential); err != nil {
					return fmt.Errorf("the client is enrolled, but its credential is lost: %w; agata client revoke %s and enrol again", err, cfg.Info.UserID)
				}
				fmt.Fprintf(c.err, "client %s is enrolled at %s\n", cfg.Info.UserID, api.URL())
				return nil
			})
		},
	}
	passwordFlag(cmd, &p)
	return cmd
}

func (c *cli) clientRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke CLIENT", Short: "End what a client's credential is good for; it must enrol again",
		Example: "  agata client revoke car-7",
		Args:    args(1, "the client's user id"), ValidArgsFunction: first(c.clientIDs, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				return api.RevokeClient(ctx, args[0])
			})
		},
	}
}
