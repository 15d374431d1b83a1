package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/access"
	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/pkg/contract"
)

func (c *cli) operatorCommand() *cobra.Command {
	return group("operator", "The accounts of those who manage the cloud",
		"  agata operator init ada\n  agata operator add bob --role viewer",
		c.operatorInitCommand(), c.operatorAddCommand(), c.operatorListCommand(), c.operatorRoleCommand(),
		c.operatorPasswordCommand(), c.operatorResetCommand(), c.operatorRemoveCommand(), c.operatorTokenCommand())
}

func (c *cli) operatorInitCommand() *cobra.Command {
	var p passwordFlags
	cmd := &cobra.Command{
		Use:   "init NAME",
		Short: "Close the cloud whose data folder is here: make its key and the first administrator",
		Long: `Close the cloud whose data folder is here: make the key that its services share and
the first administrator. From their next start on, the cloud's services ask everyone
for credentials. Services on other machines need the key file as well.`,
		Example: "  agata operator init ada",
		Args:    args(1, "the administrator's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			password, err := c.password(p, "new password of "+args[0], true)
			if err != nil {
				return err
			}
			if err := access.Init(cmd.Context(), cfg.Data, app.Database(cfg), cfg.Auth.KeyFile, args[0], password); err != nil {
				return err
			}
			fmt.Fprintf(c.err, "%s is an administrator; the key is %s\nrestart the cloud's services, then sign in: agata login --name %s\n", args[0], cfg.Auth.KeyFile, args[0])
			return nil
		},
	}
	passwordFlag(cmd, &p)
	return cmd
}

func (c *cli) operatorAddCommand() *cobra.Command {
	var role string
	var p passwordFlags
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Make an account",
		Example: "  agata operator add bob --role viewer",
		Args:    args(1, "the account's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := c.password(p, "password of "+args[0], true)
			if err != nil {
				return err
			}
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				if err := api.AddOperator(ctx, args[0], contract.Role(role), password); err != nil {
					return err
				}
				fmt.Fprintf(c.err, "%s is a %s\n", args[0], role)
				return nil
			})
		},
	}
	roleFlag(cmd, &role, string(contract.RoleOperator))
	passwordFlag(cmd, &p)
	return cmd
}

func roleFlag(cmd *cobra.Command, role *string, preset string) {
	cmd.Flags().StringVar(role, "role", preset, "viewer: looks; operator: manages tasks and clients; admin: manages accounts too")
	choice(cmd, "role", string(contract.RoleViewer), string(contract.RoleOperator), string(contract.RoleAdmin))
}

func (c *cli) operatorListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the accounts", Example: "  agata operator list", Args: args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				all, err := api.Operators(ctx)
				if err != nil {
					return err
				}
				return c.print(all, func(w io.Writer) {
					rows := make([][]string, len(all.Value.Operators))
					for i, o := range all.Value.Operators {
						rows[i] = []string{o.Name, string(o.Role)}
					}
					tabulate(w, []string{"NAME", "ROLE"}, rows)
				})
			})
		},
	}
}

func (c *cli) operatorRoleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "role NAME ROLE", Short: "Give an account another role", Example: "  agata operator role bob admin", Args: args(2, "the account's name and its new role"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				return api.ChangeOperator(ctx, args[0], contract.Role(args[1]), "", "")
			})
		},
	}
}

func (c *cli) operatorPasswordCommand() *cobra.Command {
	var p passwordFlags
	cmd := &cobra.Command{
		Use: "password [NAME]", Short: "Change a password: one's own or, as an administrator, another's",
		Long: `Change a password: one's own or, as an administrator, another's. It ends the sessions of
that account. With --password-stdin or --password-file the new password is read there;
one's own old one is always asked for at the terminal.`,
		Example: "  agata operator password",
		Args:    argsBetween(0, 1, "at most one account"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				me, err := api.Session(ctx)
				if err != nil {
					return err
				}
				if me.Value.Operator == nil {
					return usagef("nobody has signed in: agata login")
				}
				name, old := me.Value.Operator.Name, ""
				if len(args) == 1 && args[0] != name {
					name = args[0]
				} else if old, err = c.password(passwordFlags{}, "old password of "+name, false); err != nil {
					return err
				}
				fresh, err := c.password(p, "new password of "+name, true)
				if err != nil {
					return err
				}
				return api.ChangeOperator(ctx, name, "", old, fresh)
			})
		},
	}
	passwordFlag(cmd, &p)
	return cmd
}

func (c *cli) operatorResetCommand() *cobra.Command {
	var p passwordFlags
	cmd := &cobra.Command{
		Use: "reset NAME", Short: "Give an account of the cloud whose data folder is here a new password, which was lost",
		Example: "  agata operator reset ada",
		Args:    args(1, "the account's name"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			path := filepath.Join(cfg.Data, access.File)
			if _, err := os.Stat(path); err != nil && cfg.Store.URL == "" {
				return fmt.Errorf("there are no accounts in %s: %w; agata operator init makes the first", cfg.Data, err)
			}
			password, err := c.password(p, "new password of "+args[0], true)
			if err != nil {
				return err
			}
			store, err := access.Open(cmd.Context(), path, access.Options{Database: app.Database(cfg)})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, store.Close()) }()
			return store.ChangeOperator(cmd.Context(), args[0], access.Change{Password: &password})
		},
	}
	passwordFlag(cmd, &p)
	return cmd
}

func (c *cli) operatorRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Remove an account and end its sessions", Example: "  agata operator remove bob", Args: args(1, "the account's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				return api.RemoveOperator(ctx, args[0])
			})
		},
	}
}

func (c *cli) operatorTokenCommand() *cobra.Command {
	var days int
	cmd := &cobra.Command{
		Use: "token LABEL", Short: "Make a token with your own rights, for a script; it is printed this once",
		Example: "  agata operator token nightly --days 30",
		Args:    args(1, "what the token is for"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.api(cmd.Context(), func(ctx context.Context, api *apiclient.Client) error {
				issued, err := api.NewToken(ctx, args[0], days)
				if err != nil {
					return err
				}
				return c.print(issued, func(w io.Writer) { fmt.Fprintln(w, issued.Value.Token) })
			})
		},
	}
	cmd.Flags().IntVar(&days, "days", 30, "how long it is good for")
	return cmd
}
