package supervise

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const hostEnv = "AGATA_TEST_HOST"

// hostWarmEnv names the interpreter of a helper whose starts are warm.
const hostWarmEnv = "AGATA_TEST_HOST_WARM"

// host is what the test binary does as a helper process: it starts os.Args[2:]
// under a manager on $AGATA_TEST_HOST, prints and commits os.Args[1] lines, says
// READY with the task's pid and lives until it is killed.
func host() {
	opt, env := Options{Dir: os.Getenv(hostEnv)}, Environ(nil)
	python := os.Getenv(hostWarmEnv)
	if python != "" {
		opt.Warm = &Warm{Python: python, Modules: []string{"json"}, Env: env}
	}
	m, err := New(opt)
	if err != nil {
		panic(err)
	}
	for python != "" && !m.Warm() {
		time.Sleep(10 * time.Millisecond)
	}
	if len(os.Args) == 2 { // nothing to start
		fmt.Println("READY", 0)
		time.Sleep(time.Minute)
	}
	p, err := m.Start(context.Background(), Spec{ID: "x", TaskID: "t", Argv: os.Args[2:], Env: env, Warm: python != "", Labels: map[string]string{"side": "client"}})
	if err != nil {
		panic(err)
	}
	if p.Warm() != (python != "") {
		panic("it was started in another way")
	}
	count, _ := strconv.Atoi(os.Args[1])
	for range count {
		line := <-p.Lines()
		fmt.Println(line.Stream, line.Text)
		if err := p.Commit(line); err != nil {
			panic(err)
		}
	}
	fmt.Println("READY", p.PID())
	time.Sleep(time.Minute)
}

// hosted runs host and returns what it printed, the task's pid and the helper.
func hosted(t testing.TB, dir string, lines int, argv ...string) (printed []string, task int, helper *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{strconv.Itoa(lines)}, argv...)...)
	cmd.Env = append(os.Environ(), hostEnv+"="+dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	timeout := time.AfterFunc(90*time.Second, func() { _ = cmd.Process.Kill() })
	defer timeout.Stop()
	for scan := bufio.NewScanner(out); scan.Scan(); {
		if pid, ok := strings.CutPrefix(scan.Text(), "READY "); ok {
			task, _ = strconv.Atoi(pid)
			return printed, task, cmd
		}
		printed = append(printed, scan.Text())
	}
	t.Fatalf("the helper ended early after %d lines", len(printed))
	return nil, 0, nil
}

func killHost(t testing.TB, helper *exec.Cmd) {
	t.Helper()
	if err := helper.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait()
}
