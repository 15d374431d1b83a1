package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/internal/keyring"
	"github.com/agata-fl/agata/pkg/rpc"
)

// tokenVariable holds a token that goes before the one that login kept.
const tokenVariable = "AGATA_TOKEN"

// token is what this machine shows a gateway; "" if it has nothing.
func token(gateway string) (string, error) {
	if t := os.Getenv(tokenVariable); t != "" {
		return t, nil
	}
	path, err := keyring.Path()
	if err != nil {
		return "", nil // without a folder for settings nobody has signed in
	}
	return keyring.Token(path, gateway)
}

func (c *cli) loginCommand() *cobra.Command {
	var name string
	var p passwordFlags
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in at the cloud's gateway",
		Long: `Sign in at the cloud's gateway. The token that it gives is kept in agata/credentials.json
in the folder for settings, for all further commands; a token in ` + tokenVariable + ` goes
before it, which is for scripts (agata operator token makes one).`,
		Example: "  agata login --name ada",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" {
				u, err := user.Current()
				if err != nil {
					return usagef("give your name with --name")
				}
				name = u.Username
			}
			path, err := keyring.Path()
			if err != nil {
				return err
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				now, err := api.Session(ctx)
				if err != nil {
					return err
				}
				if now.Value.Open {
					fmt.Fprintf(c.err, "%s asks for no credentials; agata operator init changes that\n", api.URL())
					return nil
				}
				password, err := c.password(p, "password of "+name, false)
				if err != nil {
					return err
				}
				s, err := api.SignIn(ctx, name, password)
				if err != nil {
					return err
				}
				if err := keyring.SetToken(path, api.URL(), s.Value.Token); err != nil {
					return err
				}
				fmt.Fprintf(c.err, "signed in at %s as %s (%s)\n", api.URL(), s.Value.Operator.Name, s.Value.Operator.Role)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the account; by default the name of this system's user")
	passwordFlag(cmd, &p)
	return cmd
}

func (c *cli) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End the session at the cloud's gateway", Example: "  agata logout", Args: args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := keyring.Path()
			if err != nil {
				return err
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				err := api.SignOut(ctx)
				if rpc.CodeOf(err) == rpc.Unauthorized { // it had ended
					err = nil
				}
				// The token is forgotten here even when the gateway is away.
				return errors.Join(err, keyring.SetToken(path, api.URL(), ""))
			})
		},
	}
}

func (c *cli) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Tell as whom the cloud's gateway knows you", Example: "  agata whoami", Args: args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				s, err := api.Session(ctx)
				if err != nil {
					return err
				}
				return c.print(s, func(w io.Writer) {
					switch {
					case s.Value.Open:
						fmt.Fprintln(w, "nobody: this cloud asks for no credentials")
					case s.Value.Operator == nil:
						fmt.Fprintln(w, "nobody: sign in with agata login")
					default:
						fmt.Fprintf(w, "%s (%s)\n", s.Value.Operator.Name, s.Value.Operator.Role)
					}
				})
			})
		},
	}
}
