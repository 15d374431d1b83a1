// Gofedavg is a federated-learning task that needs no Python: federated averaging
// of a softmax regression over seeded synthetic data, on pkg/taskreporter.
//
// One binary is both sides, by the name under which it is started or by its first
// argument:
//
//	server WORK|cli [--port N] [--rounds N] [--min-clients N] ...
//	client WORK|cli [test-error] [--server HOST:PORT] [--partition I/N] ...
//	gofedavg server|client WORK|cli ...
//
// Its arguments, events, reports and exit codes are those of the Flower tasks
// beside it; it has no trigger, as triggers are Python programs. A client exits
// 75 when the server is out of reach, which is no failure of the task.
package main

import (
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/agata-fl/agata/pkg/taskreporter"
)

// Exit codes.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitTempFail = 75
)

func main() {
	os.Exit(run(os.Args))
}

func run(args []string) int {
	role, args := filepath.Base(args[0]), args[1:]
	if role != "server" && role != "client" {
		if len(args) == 0 {
			fmt.Fprintln(os.Stderr, "usage: gofedavg server|client WORK|cli [flags]")
			return exitUsage
		}
		role, args = args[0], args[1:]
	}
	if (role != "server" && role != "client") || len(args) == 0 {
		fmt.Fprintf(os.Stderr, "usage: %s WORK|cli [flags]; the role is server or client\n", role)
		return exitUsage
	}
	var opts taskreporter.Options
	if args[0] == "cli" {
		opts.Writer = io.Discard // by hand: report nothing
	}
	begin := map[string]func([]string) (func(*taskreporter.Reporter) error, error){
		"server": parseServer, "client": parseClient,
	}[role]
	side, err := begin(args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		return exitUsage
	}
	reporter, err := taskreporter.New(opts)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		return exitFailed
	}
	defer reporter.Close()
	switch err := side(reporter); {
	case errors.Is(err, errUnreachable):
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		return exitTempFail
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		return exitFailed
	}
	return exitOK
}

func parseServer(args []string) (func(*taskreporter.Reporter) error, error) {
	host, port, err := net.SplitHostPort(serverAddress())
	if err != nil {
		return nil, fmt.Errorf("AGATA_SERVER_ADDRESS: %w", err)
	}
	s := &server{}
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.StringVar(&host, "host", host, "the `address` to listen on")
	flags.StringVar(&port, "port", port, "the port to listen on")
	flags.IntVar(&s.rounds, "rounds", 3, "rounds of training")
	flags.IntVar(&s.minClients, "min-clients", 2, "clients that a round waits for")
	timeout := flags.Float64("round-timeout", 60, "`seconds` that a client may take")
	pause := flags.Float64("pause", 0, "`seconds` to wait after each round")
	flags.Float64Var(&s.minAccuracy, "min-accuracy", 0, "fail when this is never reached")
	flags.IntVar(&s.patience, "patience", 3, "in this many rounds")
	if err := parse(flags, args); err != nil {
		return nil, err
	}
	if s.minClients < 1 || *timeout <= 0 || *pause < 0 {
		return nil, errors.New("--min-clients and --round-timeout must be positive, --pause not negative")
	}
	s.roundTimeout, s.pause = seconds(*timeout), seconds(*pause)
	return func(reporter *taskreporter.Reporter) error {
		_ = reporter.RegisterEvent("task_server", "main", "Started server")
		s.report = func(round int, accuracy, loss float64) {
			_ = reporter.SendRound(round, accuracy, loss)
			fmt.Fprintf(os.Stderr, "round %d: accuracy %.4f, loss %.4f\n", round, accuracy, loss)
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			settle(reporter, err)
			return err
		}
		return s.run(listener, func(err error) { settle(reporter, err) })
	}, nil
}

// settle tells the platform how the server's task ended. The platform may answer
// by asking this process to stop, which must not cut short what is left to do.
func settle(reporter *taskreporter.Reporter, err error) {
	signal.Ignore(syscall.SIGTERM)
	if err != nil {
		_ = reporter.RegisterEvent("task_server", "main", "Ended server")
		_ = reporter.SendError(err)
		return
	}
	_ = reporter.RegisterEvent("task_server", "main", "Finished server")
	_ = reporter.Finished()
}

func parseClient(args []string) (func(*taskreporter.Reporter) error, error) {
	c := &client{}
	if len(args) > 0 && args[0] == "test-error" {
		c.fault, args = true, args[1:]
	}
	var partition string
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.StringVar(&c.server, "server", serverAddress(), "the server's `host:port`")
	flags.StringVar(&partition, "partition", "", "this client's share of the data, `I/N` (default: by AGATA_CLIENT_ID)")
	wait := flags.Float64("wait", 20, "`seconds` to wait for the server")
	flags.Uint64Var(&c.seed, "seed", 7, "of the data and the training")
	flags.IntVar(&c.epochs, "epochs", 1, "local epochs a round")
	flags.Float64Var(&c.learningRate, "learning-rate", 0.01, "of the gradient descent")
	flags.BoolVar(&c.shuffled, "shuffle-labels", false, "spoil this client's data")
	if err := parse(flags, args); err != nil {
		return nil, err
	}
	c.wait = seconds(*wait)
	var err error
	if c.partition, c.of, err = partitionOf(partition, os.Getenv("AGATA_CLIENT_ID")); err != nil {
		return nil, err
	}
	return func(reporter *taskreporter.Reporter) error {
		_ = reporter.RegisterEvent("task_client", "main", "Started client")
		c.report = func(round int, accuracy, loss float64) { _ = reporter.SendRound(round, accuracy, loss) }
		if err := c.run(); err != nil {
			_ = reporter.RegisterEvent("task_client", "main", "Error!")
			if !errors.Is(err, errUnreachable) {
				_ = reporter.SendError(err)
			}
			return err
		}
		_ = reporter.RegisterEvent("task_client", "main", "Finished client")
		_ = reporter.Finished()
		return nil
	}, nil
}

func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("what is %q? only flags may follow", flags.Arg(0))
	}
	return nil
}

// partitionOf reads I/N; without a text a client's id chooses one of four.
func partitionOf(text, clientID string) (index, count int, err error) {
	if text == "" {
		return int(crc32.ChecksumIEEE([]byte(clientID)) % 4), 4, nil
	}
	i, n, _ := strings.Cut(text, "/")
	index, errI := strconv.Atoi(i)
	count, errN := strconv.Atoi(n)
	if errI != nil || errN != nil || index < 0 || index >= count {
		return 0, 0, fmt.Errorf("partition %q is not I/N with I from 0 to N-1", text)
	}
	return index, count, nil
}

func seconds(n float64) time.Duration {
	return time.Duration(n * float64(time.Second))
}

func serverAddress() string {
	if a := os.Getenv("AGATA_SERVER_ADDRESS"); a != "" {
		return a
	}
	return "127.0.0.1:18084"
}
