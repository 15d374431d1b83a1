package baseservice_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// childVar names what this binary is to be instead of a test.
const childVar = "AGATA_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childVar); name != "" {
		run := map[string]func() error{"recorder": recorderChild, "full": fullChild}[name]
		if err := run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// child starts this binary as something else, and reads what it prints.
func child(t *testing.T, name string, environ ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(environ, childVar+"="+name)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewScanner(out)
}

// recorderChild records numbered events without an end, and prints each number
// when recording it has returned.
func recorderChild() error {
	port, err := strconv.Atoi(os.Getenv("PORT"))
	if err != nil {
		return err
	}
	tr, err := amqpx.New(amqpx.Options{Host: "127.0.0.1", Port: port})
	if err != nil {
		return err
	}
	go tr.Run(context.Background()) //nolint:errcheck // until the kill
	r := baseservice.NewRecorder(baseservice.RecorderOptions{Publisher: tr, Service: "child", Events: true, Records: true, Spool: os.Getenv("SPOOL")})
	if err := r.Open(); err != nil {
		return err
	}
	go r.Run(context.Background()) //nolint:errcheck // until the kill
	for i := 0; ; i++ {
		r.Event(context.Background(), contract.About{}, os.Getenv("ROUND"), strconv.Itoa(i))
		if _, err := fmt.Println(i); err != nil {
			return err
		}
		if i%50 == 0 {
			time.Sleep(time.Millisecond) // so that much of it is published meanwhile
		}
	}
}

// fullChild fills its disk, as far as a bound on the size of files does, and has
// it back. It prints what its broker got.
func fullChild() error {
	signal.Ignore(syscall.SIGXFSZ)
	q := &queues{}
	away := make(chan struct{})
	q.fail = func(ctx context.Context, _ string) error {
		select {
		case <-away:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var log strings.Builder
	r := baseservice.NewRecorder(baseservice.RecorderOptions{Publisher: q, Records: true, Spool: os.Getenv("SPOOL"), Logger: textLog(&log)})
	if err := r.Open(); err != nil {
		return err
	}
	tell := func(from, to int) {
		for i := from; i < to; i++ {
			r.Event(context.Background(), contract.About{}, "f", strconv.Itoa(i))
		}
	}
	tell(0, 20)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	full := syscall.Rlimit{Cur: 0, Max: was.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		return err
	}
	tell(20, 40)
	time.Sleep(1100 * time.Millisecond) // it is tried again, in vain
	tell(40, 60)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	time.Sleep(1100 * time.Millisecond)
	tell(60, 80)
	// From here on all is on the disk: what the next process finds.
	fmt.Print(strings.ReplaceAll(log.String(), "\n", "\\n"), "\n")
	select {} // until the kill
}
