package chaos

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Live is a process of a task, as the kernel knows it.
type Live struct {
	PID       int
	Parent    int // its shim
	Execution string
	Task      string
	Side      string // server or client
	Work      string // the work folder, which tells whose it is
}

// scanEvery is how often the kernel's list of processes is read.
const scanEvery = 50 * time.Millisecond

// settles is for how long the environment of a new process is looked at again: it
// is that of its parent until it has begun its program.
const settles = 2 * time.Second

// Scanner reads which processes of tasks run, for all systems under test.
type Scanner struct {
	mu    sync.Mutex
	known map[int]*seen
	live  []Live
	at    time.Time
}

type seen struct {
	first time.Time
	start string // the kernel's time of its start
	task  *Live  // nil: none of a task
}

// NewScanner makes one; it reads nothing before Run.
func NewScanner() *Scanner { return &Scanner{known: map[int]*seen{}} }

// Run reads until ctx ends.
func (s *Scanner) Run(ctx context.Context) error {
	tick := time.NewTicker(scanEvery)
	defer tick.Stop()
	for {
		if err := s.scan(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Of returns the processes whose work folder is below dir, and when that was read.
func (s *Scanner) Of(dir string) ([]Live, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var own []Live
	for _, l := range s.live {
		if strings.HasPrefix(l.Work, dir+"/") {
			own = append(own, l)
		}
	}
	return own, s.at
}

// settle waits until what runs now has been read twice: a process that has just
// been started shows what it is only when it has begun its program.
func (s *Scanner) settle() { time.Sleep(6 * scanEvery) }

func (s *Scanner) scan() error {
	now := time.Now()
	names, err := readNames("/proc")
	if err != nil {
		return fmt.Errorf("read the kernel's list of processes: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var live []Live
	there := make(map[int]bool, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		there[pid] = true
		if l := s.look(pid, now); l != nil {
			live = append(live, *l)
		}
	}
	for pid := range s.known {
		if !there[pid] {
			delete(s.known, pid)
		}
	}
	s.live, s.at = live, now
	return nil
}

// look tells what one process is; nil: none of a task, or it has ended.
func (s *Scanner) look(pid int, now time.Time) *Live {
	k := s.known[pid]
	if k != nil && k.task == nil && now.Sub(k.first) > settles {
		return nil
	}
	state, parent, start, ok := readStat(pid)
	if !ok || state == 'Z' || state == 'X' {
		return nil
	}
	if k == nil || k.start != start {
		k = &seen{first: now, start: start}
		s.known[pid] = k
	}
	if k.task == nil {
		k.task = readTask(pid, parent)
	}
	return k.task
}

func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// readStat reads a process' state, its parent, and the time of its start.
func readStat(pid int) (state byte, parent int, start string, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, "", false
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // the name may hold anything
	if len(fields) < 20 {
		return 0, 0, "", false
	}
	parent, err = strconv.Atoi(string(fields[1]))
	return fields[0][0], parent, string(fields[19]), err == nil
}

// readTask reads what a process is of a task; nil if it is not its program: what
// the program starts has its environment as well.
func readTask(pid, parent int) *Live {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || !bytes.Contains(env, []byte("AGATA_EXECUTION_ID=")) {
		return nil
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil
	}
	args := strings.Split(string(line), "\x00")
	if len(args) < 2 || !strings.HasSuffix(args[1], "/server.py") && !strings.HasSuffix(args[1], "/client.py") {
		return nil
	}
	l := &Live{PID: pid, Parent: parent}
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		name, value, _ := strings.Cut(string(entry), "=")
		switch name {
		case "AGATA_EXECUTION_ID":
			l.Execution = value
		case "AGATA_TASK_ID":
			l.Task = value
		case "AGATA_SIDE":
			l.Side = value
		case "AGATA_WORK_DIR":
			l.Work = value
		}
	}
	return l
}
