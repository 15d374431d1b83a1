package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// program is both sides of a task: it reports rounds for ever, each first to
// AGATA and then to a file of its own, which is what it truly did.
const program = `import json, os, sys, time
folder = os.path.join(sys.argv[1], "chaos")
os.makedirs(folder, exist_ok=True)
name = ".".join((os.environ["AGATA_TASK_ID"], os.environ["AGATA_SIDE"], os.environ["AGATA_EXECUTION_ID"]))
own = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
def note(*words): os.write(own, (" ".join(map(str, words)) + "\n").encode())
def say(**report): os.write(1, (json.dumps(report) + "\n").encode())
note("start", os.getpid(), time.time())
say(type="info", info="Started")
n = 0
while True:
    n += 1
    say(type="model", round=str(n), acc="0.5")
    note(n, time.time())
    time.sleep(0.2)
`

// writeProgram puts a task's files where an upload puts them.
func writeProgram(dir string, programs map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// interpreter finds the interpreter behind what is configured, which may be a
// script or a link that costs each start some time.
func interpreter(ctx context.Context, configured string) (string, error) {
	out, err := exec.CommandContext(ctx, configured, "-c", "import sys; print(getattr(sys, '_base_executable', sys.executable))").Output()
	if err != nil {
		return "", fmt.Errorf("run the interpreter %s (tasks.python): %w", configured, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// deed is what one execution truly did, by its own file.
type deed struct {
	Task, Side, Client, Execution string
	PIDs                          []int
	Started                       float64         // unix seconds
	Fault                         float64         // when it failed, if it was to
	Rounds                        map[int]float64 // when each was reported, unix seconds
}

// readDeeds reads what the executions of some tasks did at one place; client is ""
// at the cloud.
func readDeeds(work, client string, tasks map[string]bool) ([]*deed, error) {
	entries, err := os.ReadDir(filepath.Join(work, "chaos"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []*deed
	for _, e := range entries {
		parts := strings.SplitN(e.Name(), ".", 3)
		if len(parts) != 3 || !tasks[parts[0]] {
			continue
		}
		d := &deed{Task: parts[0], Side: parts[1], Client: client, Execution: parts[2], Rounds: map[int]float64{}}
		if err := d.read(filepath.Join(work, "chaos", e.Name())); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func (d *deed) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		at, err := strconv.ParseFloat(words[len(words)-1], 64)
		if err != nil {
			return fmt.Errorf("%s: %q: %w", path, lines.Text(), err)
		}
		n, err := strconv.Atoi(words[len(words)-2])
		if err != nil {
			return fmt.Errorf("%s: %q: %w", path, lines.Text(), err)
		}
		switch words[0] {
		case "start":
			d.PIDs = append(d.PIDs, n)
			d.Started = at
		case "fault":
			d.Fault = at
		default:
			d.Rounds[n] = at
		}
	}
	return lines.Err()
}
