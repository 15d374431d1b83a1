package experiment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/agata-fl/agata/experiments/tasks"
)

// experiment1 is a task's whole life: registered, started, asked for, fetched,
// run and finished. A second Flower client, by hand, lets the training begin, as
// in the original.
func experiment1(ctx context.Context, l *lab) (err error) {
	m, err := l.prepare(ctx, "4fe5")
	if err != nil {
		return err
	}
	// The original leaves its server five seconds before the client comes, so that
	// what is measured does not share the machine with Python's imports.
	if err := l.await(ctx, 1, "Started server"); err != nil {
		return err
	}
	if _, err := l.startClient(1); err != nil {
		return err
	}
	if err := l.await(ctx, 1, "Started client"); err != nil {
		return err
	}
	wait, err := l.byHand(ctx, m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wait()) }()
	if err := l.await(ctx, 1, "Finished handling task 4fe5 finalization"); err != nil {
		return err
	}
	return l.await(ctx, 1, "Finished server")
}

// experiment2 is a failure at the client: task E raises an exception, and the
// client goes on with task C.
func experiment2(ctx context.Context, l *lab) error {
	for _, id := range []string{"E", "C"} {
		if _, err := l.prepare(ctx, id); err != nil {
			return err
		}
	}
	if err := l.await(ctx, 2, "Started server"); err != nil { // as in experiment 1
		return err
	}
	if _, err := l.startClient(1); err != nil {
		return err
	}
	for _, text := range []string{"Error!", "Finished handling error from task E", "Finished client", "Finished handling task C finalization"} {
		if err := l.await(ctx, 1, text); err != nil {
			return err
		}
	}
	return nil
}

// experiment3 is a failure at the server: accuracy stays low, the server reports
// an error, and its two clients go on with another task.
func experiment3(ctx context.Context, l *lab) error {
	for _, id := range []string{"low", "high"} {
		if _, err := l.prepare(ctx, id); err != nil {
			return err
		}
	}
	for i := range 2 {
		if _, err := l.startClient(i + 1); err != nil {
			return err
		}
	}
	if err := l.await(ctx, 1, "Ended server"); err != nil {
		return err
	}
	if err := l.await(ctx, 1, "Finished server"); err != nil {
		return err
	}
	return l.await(ctx, 2, "Finished handling task high finalization")
}

// byHand runs a task's client outside of AGATA, in the mode cli. wait ends with
// the process's own error.
func (l *lab) byHand(ctx context.Context, m tasks.Manifest) (wait func() error, err error) {
	dir := filepath.Join(l.dir, "by-hand")
	if err := m.Install(dir, m.FilesPaths); err != nil {
		return nil, err
	}
	args := append([]string{filepath.Join(dir, "client.py"), "cli"}, strings.Fields(m.ClientArguments)...)
	cmd := exec.CommandContext(ctx, l.opt.Python, append(args, "--partition", "1/2")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the second client by hand: %w", err), log.Close())
	}
	return func() error {
		err := cmd.Wait()
		if err != nil {
			err = fmt.Errorf("the second client, run by hand (its log is %s): %w", log.Name(), err)
		}
		return errors.Join(err, log.Close())
	}, nil
}
