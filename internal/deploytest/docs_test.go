package deploytest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
)

var guides = []string{"deploy.md", "tasks.md", "guarantees.md"}

// sources is all of the program's own Go code.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{"internal", "pkg", "services"} {
		err := filepath.WalkDir(root+dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// TestMetricsOfTheGuide: those that it names are registered, and all that are
// registered are named.
func TestMetricsOfTheGuide(t *testing.T) {
	guide, code := read(t, "docs/deploy.md"), sources(t)
	named := map[string]bool{}
	for _, name := range regexp.MustCompile("agata_[a-z_]*[a-z]").FindAllString(guide, -1) {
		named[name] = true
		if !strings.Contains(code, `"`+name+`"`) {
			t.Errorf("docs/deploy.md names the metric %s, which nothing registers", name)
		}
	}
	for _, m := range regexp.MustCompile(`Name:\s+"(agata_[a-z_]+)"`).FindAllStringSubmatch(code, -1) {
		if !named[m[1]] {
			t.Errorf("docs/deploy.md does not name the metric %s", m[1])
		}
	}
}

// TestVariablesOfTheGuides: each is a setting, or what a task finds.
func TestVariablesOfTheGuides(t *testing.T) {
	known := append(settings(t), supervise.EnvTaskID, supervise.EnvExecutionID, supervise.EnvReports)
	var ofTasks []string
	for _, side := range []launch.Side{launch.Server, launch.Client} {
		s := launch.Surroundings{Side: side, Work: "/w", ClientID: "c", Host: "h", Port: 1, PythonPath: []string{"/p"}, Trace: "t"}
		for _, v := range s.Environ() {
			name, _, _ := strings.Cut(v, "=")
			known = append(known, name)
			if strings.HasPrefix(name, "AGATA_") || strings.HasPrefix(name, "FLWR_") || name == "TRACEPARENT" || name == "PYTHONPATH" {
				ofTasks = append(ofTasks, name)
			}
		}
	}
	for _, guide := range guides {
		for _, name := range regexp.MustCompile(`AGATA_[A-Z_]*[A-Z]`).FindAllString(read(t, "docs/"+guide), -1) {
			if !slices.Contains(known, name) {
				t.Errorf("docs/%s names %s, which is neither a setting nor what a task finds", guide, name)
			}
		}
	}
	for _, name := range ofTasks {
		if !strings.Contains(read(t, "docs/tasks.md"), "`"+name+"`") {
			t.Errorf("docs/tasks.md does not name %s, which a task finds", name)
		}
	}
	for _, pattern := range supervise.BaseAllow() {
		if !strings.Contains(read(t, "docs/tasks.md"), "`"+pattern+"`") {
			t.Errorf("docs/tasks.md does not say that a task sees %s", pattern)
		}
	}
}

// TestCommandsOfTheGuides: what they serve are services, and every one is served.
func TestCommandsOfTheGuides(t *testing.T) {
	guide := read(t, "docs/deploy.md")
	var units []string
	for _, m := range regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/agata serve (.*?) --config`).FindAllStringSubmatch(guide, -1) {
		units = append(units, strings.Fields(m[1])...)
	}
	if want := app.Services(); !slices.Equal(units, want) {
		t.Errorf("the units of docs/deploy.md serve %q, not %q", units, want)
	}
	if n := strings.Count(guide, "\nKillMode=process\n"); n != 2 {
		t.Errorf("%d of 2 units leave tasks running", n)
	}
}

// TestLinksOfTheGuides: what they link to is there.
func TestLinksOfTheGuides(t *testing.T) {
	for _, guide := range guides {
		text := read(t, "docs/"+guide)
		for _, m := range regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`).FindAllStringSubmatch(text, -1) {
			if m[1] == "" {
				heading := strings.ReplaceAll(strings.TrimPrefix(m[2], "#"), "-", " ")
				if !strings.Contains(strings.ToLower(text), "# "+heading+"\n") {
					t.Errorf("docs/%s links to its section %s, which is not there", guide, m[2])
				}
			} else if _, err := os.Stat(root + "docs/" + m[1]); err != nil {
				t.Errorf("docs/%s links to %s: %v", guide, m[1], err)
			}
		}
	}
}
