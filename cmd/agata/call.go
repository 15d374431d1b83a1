package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/rpc"
)

const (
	// askTime is how long services have to tell about themselves.
	askTime = 500 * time.Millisecond
	// maxArgument bounds what is read from standard input.
	maxArgument = 16 << 20
)

func (c *cli) callCommand() *cobra.Command {
	var side string
	cmd := &cobra.Command{
		Use:   "call FUNCTION [JSON]",
		Short: "Call any function at a broker and print what it returns",
		Long: `Call any function at a broker, as services and their peers do, and print the JSON
that it returns. JSON is the function's arguments, an object; - reads it from
standard input.`,
		Example: `  agata call rpc_exec_get_user_info '{"user_id": "car-7"}'
  agata call rpc_exec_client_status --broker client`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("%s wants a function and its arguments: %s", cmd.CommandPath(), cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := c.argument(args[1:])
			if err != nil {
				return err
			}
			return c.over(cmd.Context(), side, func(ctx context.Context, cfg *config.Config, t rpc.Transport) error {
				ctx, cancel := context.WithTimeout(ctx, cfg.RPC.Timeout)
				defer cancel()
				value, err := rpc.CallRaw(ctx, t, rpc.Request{Function: args[0], Body: body}, false)
				if err != nil {
					return err
				}
				return c.printRaw(value)
			})
		},
	}
	brokerFlag(cmd, &side)
	return cmd
}

// argument is the function's arguments as they are given: none is {}.
func (c *cli) argument(args []string) ([]byte, error) {
	if len(args) == 0 {
		return []byte("{}"), nil
	}
	text := []byte(args[0])
	if args[0] == "-" {
		var err error
		if text, err = io.ReadAll(io.LimitReader(c.in, maxArgument+1)); err != nil {
			return nil, fmt.Errorf("read the arguments from standard input: %w", err)
		}
		if len(text) > maxArgument {
			return nil, usagef("the arguments are larger than %s", bytesText(maxArgument))
		}
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil || object == nil {
		return nil, usagef("the arguments are not a JSON object, such as '{\"task_id\": \"digits\"}': %.100q", text)
	}
	return text, nil
}

// printRaw writes a value as it came, but indented; an answer without one is null.
func (c *cli) printRaw(value json.RawMessage) error {
	if len(value) == 0 {
		value = json.RawMessage("null")
	}
	var b bytes.Buffer
	if err := json.Indent(&b, value, "", "  "); err != nil {
		return fmt.Errorf("the answer is not JSON: %w", err)
	}
	_, err := fmt.Fprintln(c.out, b.String())
	return err
}

func (c *cli) servicesCommand() *cobra.Command {
	var side string
	cmd := &cobra.Command{
		Use:     "services",
		Short:   "List the services that answer at a broker, with the calls that they served",
		Example: "  agata services\n  agata services --broker client",
		Args:    args(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answers [][]byte
			err := c.over(cmd.Context(), side, func(ctx context.Context, _ *config.Config, t rpc.Transport) (err error) {
				answers, err = t.Ask(ctx, "stats", askTime)
				return err
			})
			if err != nil {
				return err
			}
			list := make([]baseservice.Info, 0, len(answers))
			for _, a := range answers {
				var info baseservice.Info
				if err := json.Unmarshal(a, &info); err != nil || info.Name == "" {
					fmt.Fprintf(c.err, "an answer that is no service's: %.100q\n", a)
					continue
				}
				list = append(list, info)
			}
			slices.SortFunc(list, func(a, b baseservice.Info) int {
				return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
			})
			if len(list) == 0 {
				fmt.Fprintf(c.err, "no service answered at the %s's broker within %s\n", side, askTime)
			}
			return c.print(list, func(w io.Writer) { servicesTable(w, list) })
		},
	}
	brokerFlag(cmd, &side)
	return cmd
}

func servicesTable(w io.Writer, list []baseservice.Info) {
	rows := make([][]string, len(list))
	for i, s := range list {
		var requests, errs uint64
		for _, f := range s.Functions {
			requests += f.Requests
			errs += f.Errors
		}
		up := time.Duration(s.Uptime * float64(time.Second)).Round(time.Second)
		rows[i] = []string{s.Name, s.Host, strconv.Itoa(s.PID), up.String(), strconv.Itoa(len(s.Functions)),
			strconv.FormatUint(requests, 10), strconv.FormatUint(errs, 10), s.Version}
	}
	tabulate(w, []string{"NAME", "HOST", "PID", "UPTIME", "FUNCTIONS", "CALLS", "ERRORS", "VERSION"}, rows)
}
