// Command agata manages federated-learning tasks: it runs AGATA's services and
// brokers, and is the operator's and the researcher's hand on them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

func main() {
	// What somebody left open for this process is not for the tasks, which outlive
	// it: who waits for the end of a pipe would wait for them. Linux before 5.11 keeps it.
	_ = unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal has begun a clean stop, a second one ends at once.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
