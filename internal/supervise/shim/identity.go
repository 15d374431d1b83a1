package shim

import (
	"errors"
	"os"
)

// Identity names a process for good: a pid alone may be given to another process
// once its owner is gone; a pid and its start time, within one boot, may not.
type Identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot; field 22 of /proc/PID/stat
}

// Stat is what this package needs of /proc/PID/stat.
type Stat struct {
	State   byte
	Parent  int
	Threads int
	CPU     int64 // clock ticks that it used, with those of its children that it waited for
	Start   uint64
	Kernel  bool // a thread of the kernel's
}

// ReadStat reads /proc/PID/stat. A process that is gone is os.ErrNotExist.
func ReadStat(pid int) (Stat, error) {
	data, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
	if err != nil {
		return Stat{}, err
	}
	return parseStat(string(data))
}

// parseStat parses the line. The second field is the command in parentheses and
// may hold anything, spaces and parentheses too: the last ")" ends it.
func parseStat(line string) (stat Stat, err error) {
	end := len(line) - 1
	for end >= 0 && line[end] != ')' {
		end--
	}
	if end < 0 || len(line) < end+4 {
		return Stat{}, errStat
	}
	line = line[end+2:] // field 3 comes first
	stat.State = line[0]
	word(&line)
	parent, ok := parseInt(word(&line))
	for range 4 { // fields 5 to 8
		word(&line)
	}
	flags, ok4 := parseInt(word(&line))
	for range 4 { // fields 10 to 13
		word(&line)
	}
	for range 4 { // fields 14 to 17
		ticks, ok := parseInt(word(&line))
		if !ok {
			return Stat{}, errStat
		}
		stat.CPU += ticks
	}
	for range 2 { // fields 18 and 19
		word(&line)
	}
	threads, ok2 := parseInt(word(&line))
	word(&line)
	start, ok3 := parseInt(word(&line))
	if !ok || !ok2 || !ok3 || !ok4 {
		return Stat{}, errStat
	}
	stat.Parent, stat.Threads, stat.Start = int(parent), int(threads), uint64(start)
	stat.Kernel = flags&kernelThread != 0
	return stat, nil
}

const kernelThread = 0x00200000 // PF_KTHREAD, include/linux/sched.h

var errStat = errors.New("a process's stat cannot be understood")

// Identify names a running process; the zero Identity when there is none.
func Identify(pid int) Identity {
	stat, err := ReadStat(pid)
	if err != nil {
		return Identity{}
	}
	return Identity{PID: pid, Start: stat.Start}
}

// Self names the calling process.
func Self() Identity { return Identify(os.Getpid()) }

// Alive says whether this very process still runs. A zombie does not, unless it
// is only the first thread that has ended.
func (id Identity) Alive() bool {
	if id.PID <= 0 {
		return false
	}
	stat, err := ReadStat(id.PID)
	return err == nil && stat.Start == id.Start && !stat.Dead()
}

// Dead says that all threads have ended and only the exit status is left.
func (s Stat) Dead() bool { return s.State == 'X' || s.State == 'Z' && s.Threads <= 1 }

// BootID names this boot of the machine.
func BootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	id, _, _ := cut(string(data), '\n')
	return id
}

// Processes lists the pids of all processes that /proc shows.
func Processes() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var pids []int
	for _, name := range names {
		if pid, ok := parseInt(name); ok {
			pids = append(pids, int(pid))
		}
	}
	return pids
}
