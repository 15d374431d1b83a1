package e2e

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
)

// process is the command agata in a process of its own.
type process struct {
	*exec.Cmd
	killed bool
}

// kill ends it as a power cut would.
func (p *process) kill() {
	p.killed = true
	p.Process.Kill() //nolint:errcheck // that it still ran shows at the end
	p.Wait()         //nolint:errcheck // killed
}

// command runs agata on a data folder until the test ends.
func command(t testing.TB, dir string, env []string, settings map[string]string, args ...string) *process {
	t.Helper()
	return commandOf(t, agata(t), dir, env, settings, args...)
}

// commandOf is command with another build of agata.
func commandOf(t testing.TB, program, dir string, env []string, settings map[string]string, args ...string) *process {
	t.Helper()
	for key, value := range settings {
		args = append(args, "--set", key+"="+value)
	}
	// By env, since a child of ours that enters a folder of a file system that we serve
	// waits for us, who wait for its exec.
	cmd := &process{Cmd: exec.Command("env", append([]string{"-C", dir, program}, append(args, "--data", filepath.Join(dir, "data"))...)...)}
	var log logBuffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			defer func() { t.Log("what it said:\n", log.tail(40)) }()
		}
		if cmd.killed {
			return
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("agata ended with: %v", err)
			}
		case <-time.After(patience):
			t.Error("agata did not end on SIGTERM")
			cmd.Process.Kill() //nolint:errcheck // it may just have ended
			<-ended
		}
	})
	return cmd
}

// processorTime is what a process has used so far.
func processorTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// After the name, which may hold anything: state is field 3, utime 14, stime 15.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	const tick = time.Second / 100 // USER_HZ on every Linux that Go runs on
	return time.Duration(number(t, fields[11])+number(t, fields[12])) * tick
}

// resident is the memory that a process has, and at most had, in bytes.
func resident(t testing.TB, pid int) (now, peak int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 3 && fields[0] == "VmRSS:":
			now = number(t, fields[1]) << 10
		case len(fields) == 3 && fields[0] == "VmHWM:":
			peak = number(t, fields[1]) << 10
		}
	}
	return now, peak
}

// agata up answers soon after its start on a machine without Python, and is
// small while nothing happens.
func TestUpIsQuickAndSmall(t *testing.T) {
	agata(t) // built before the clock runs
	gateway, files := testenv.Port(t), testenv.Port(t)
	empty := t.TempDir() // no Python, no anything
	began := time.Now()
	cmd := command(t, t.TempDir(), []string{"PATH=" + empty, "HOME=" + empty}, map[string]string{
		"client.broker.port": "0", "server.broker.port": "0", "broker.mode": "embedded",
		"server.gateway.port": strconv.Itoa(gateway), "server.files.port": strconv.Itoa(files), "client.info.user_id": "ada",
	}, "up")
	url := fmt.Sprintf("http://127.0.0.1:%d/%s", gateway, updateMe)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	good := func() bool {
		resp, err := client.Post(url, "application/json", strings.NewReader(`{"user_id":"bob","data_qnt":1}`))
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}
	for !good() {
		if time.Since(began) > patience {
			t.Fatal("agata up does not answer")
		}
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(began)
	t.Logf("from the start to the first good answer: %s (to be under 1 s)", took)
	if took > 3*time.Second {
		t.Errorf("the first good answer came after %s", took)
	}
	time.Sleep(5*time.Second - time.Since(began))
	now, peak := resident(t, cmd.Process.Pid)
	t.Logf("memory after 5 s: %.1f MB, at most %.1f MB (to be under 60 MB); processor time %s", float64(now)/1e6, float64(peak)/1e6, processorTime(t, cmd.Process.Pid))
	if now == 0 || now > 60e6 {
		t.Errorf("agata up holds %.1f MB", float64(now)/1e6)
	}
}

// A client that only waits uses next to nothing.
func TestIdleClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveCloud()
	settings := maps.Clone(w.set)
	settings["client.params.request_interval"] = "10"
	settings["log.level"] = "warn"
	cmd := command(t, t.TempDir(), os.Environ(), settings, "serve", "client-gateway", "client-task-manager")
	w.eventually("the client has told of itself", func() bool { return w.post(getUser, `{"user_id":"ada"}`).status == http.StatusOK })
	time.Sleep(time.Second) // the start is no idling
	before := processorTime(t, cmd.Process.Pid)
	began := time.Now()
	time.Sleep(10 * time.Second)
	used, over := processorTime(t, cmd.Process.Pid)-before, time.Since(began)
	now, _ := resident(t, cmd.Process.Pid)
	t.Logf("an idle client used %s of %s, %.2f %% of a core (to be under 1 %%), and holds %.1f MB", used, over.Round(time.Millisecond), 100*used.Seconds()/over.Seconds(), float64(now)/1e6)
	if used > over/100 {
		t.Errorf("an idle client used %s of %s", used, over)
	}
}

// A port that is taken is named, with what to do.
func TestPortIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"server.gateway.port", "server.files.port", "server.broker.port", "client.broker.port"} {
		args := []string{"up", "--data", t.TempDir(), "--set", "broker.mode=embedded"}
		for _, other := range []string{"server.gateway.port", "server.files.port", "server.broker.port", "client.broker.port"} {
			value := "0"
			if other == key {
				value = port
			}
			args = append(args, "--set", other+"="+value)
		}
		cmd := exec.CommandContext(t.Context(), agata(t), args...)
		cmd.Dir, cmd.WaitDelay = t.TempDir(), time.Second
		timer := time.AfterFunc(patience, func() { cmd.Process.Kill() }) //nolint:errcheck // a hang shows as a wrong exit
		out, err := cmd.CombinedOutput()
		timer.Stop()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		last := lines[len(lines)-1]
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(last, "another program uses port "+port) || !slices.ContainsFunc([]string{"gateway", "file server", "broker"}, func(s string) bool { return strings.Contains(last, s) }) {
			t.Errorf("%s taken: %v, last words %q", key, err, last)
		}
	}
}
