package launch

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/internal/supervise"
)

// A program says by a comment among its first lines that an interpreter may run it
// that has imported modules before: what it sets up for its imports, such as
// variables of the environment, would come too late for these.
const (
	warmComment = "# agata: warm"
	warmLines   = 30
	warmBytes   = 8 << 10
)

// MayBeWarm says whether a side's program asks to be run by a warm interpreter.
func MayBeWarm(dir string, side Side) bool {
	file, err := os.Open(filepath.Join(dir, string(side)+".py"))
	if err != nil {
		return false // the start says what is wrong
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, warmBytes))
	for range warmLines {
		if !lines.Scan() {
			return false
		}
		if strings.TrimRight(lines.Text(), " \t\r") == warmComment {
			return true
		}
	}
	return false
}

// Warm is the interpreter that waits for tasks with these surroundings; nil without
// modules.
func (s Surroundings) Warm(python string, modules []string, dir string) *supervise.Warm {
	if len(modules) == 0 {
		return nil
	}
	return &supervise.Warm{Python: python, Modules: modules, Dir: dir, Env: s.Environ()}
}

// NewWarmGauge tells whether an interpreter waits for a task.
func NewWarmGauge(side Side, procs *supervise.Manager) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "agata_warm_interpreters", Help: "Interpreters that have imported what tasks use, and wait for a task.",
		ConstLabels: prometheus.Labels{"side": string(side)},
	}, func() float64 {
		if procs.Warm() {
			return 1
		}
		return 0
	})
}
