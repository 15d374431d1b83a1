package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// maxPassword bounds what is read as a password, in bytes.
const maxPassword = 1 << 10

// passwordFlags say where a password comes from: never from an argument, which
// every process of the machine can read.
type passwordFlags struct {
	stdin bool
	file  string
}

func passwordFlag(cmd *cobra.Command, p *passwordFlags) {
	cmd.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().StringVar(&p.file, "password-file", "", "read the password from a file")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "password-file")
}

// password reads a password: twice from a terminal if it is a new one.
func (c *cli) password(p passwordFlags, what string, fresh bool) (string, error) {
	switch {
	case p.file != "":
		f, err := os.Open(p.file)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		defer f.Close()
		return firstLine(f)
	case p.stdin:
		return firstLine(c.in)
	}
	in, ok := c.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", usagef("there is no terminal to ask for the password: give --password-stdin or --password-file")
	}
	first, err := c.hidden(in, what)
	if err != nil || !fresh {
		return first, err
	}
	second, err := c.hidden(in, what+", again")
	if err == nil && first != second {
		err = errors.New("the two passwords differ")
	}
	return first, err
}

func (c *cli) hidden(in *os.File, what string) (string, error) {
	fmt.Fprintf(c.err, "%s: ", what)
	b, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(c.err)
	return string(b), err
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("the password is empty")
	}
	return line, nil
}
