package deploytest

import (
	"go/version"
	"os"
	"regexp"
	"strings"
	"testing"
)

// instructions are those of the Dockerfile, each on one line.
func instructions(t *testing.T) []string {
	t.Helper()
	var list []string
	for line := range strings.Lines(strings.ReplaceAll(read(t, "Dockerfile"), "\\\n", " ")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

// imageEnvironment is what ENV sets in the image.
func imageEnvironment(t *testing.T) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, line := range instructions(t) {
		if rest, ok := strings.CutPrefix(line, "ENV "); ok {
			for _, pair := range strings.Fields(rest) {
				name, value, _ := strings.Cut(pair, "=")
				env[name] = value
			}
		}
	}
	if len(env) == 0 {
		t.Fatal("the Dockerfile sets no variable: tasks.python would be the system's")
	}
	return env
}

func TestGoOfTheImage(t *testing.T) {
	first := func(name, expr string) string {
		m := regexp.MustCompile(expr).FindStringSubmatch(read(t, name))
		if m == nil {
			t.Fatalf("%s does not match %s", name, expr)
		}
		return "go" + m[1]
	}
	image, wanted := first("Dockerfile", `(?m)^ARG GO_VERSION=(\S+)$`), first("go.mod", `(?m)^go (\S+)$`)
	if !version.IsValid(image) || version.Compare(image, wanted) < 0 {
		t.Errorf("the image is built by %s, and go.mod wants %s", image, wanted)
	}
}

// TestImage looks at what an image build would only find out late.
func TestImage(t *testing.T) {
	last := "" // stage
	for _, line := range instructions(t) {
		words := strings.Fields(line)
		switch {
		case words[0] == "FROM":
			last = line
		case words[0] == "COPY" && !strings.HasPrefix(words[1], "--from="):
			for _, source := range words[1 : len(words)-1] {
				if _, err := os.Stat(root + source); err != nil {
					t.Errorf("%s: %v", line, err)
				}
			}
		}
	}
	if !strings.Contains(last, "FROM python:") {
		t.Errorf("the image is made %s: tasks in Python need an interpreter", last)
	}
	all := strings.Join(instructions(t), "\n")
	python := imageEnvironment(t)["AGATA_TASKS_PYTHON"]
	for _, want := range []string{"CGO_ENABLED=0", "-trimpath", "\nUSER agata\n", "\nVOLUME /data\n", `ENTRYPOINT ["agata"]`,
		"python3 -m venv " + strings.TrimSuffix(python, "/bin/python3"), "experiments/requirements.txt"} {
		if !strings.Contains(all, want) {
			t.Errorf("the Dockerfile lacks %q", want)
		}
	}
	for _, m := range regexp.MustCompile(`-X github\.com/agata-fl/agata/(\S+)\.(\w+)=`).FindAllStringSubmatch(all, -1) {
		if !regexp.MustCompile(`(?m)^var .*\b` + m[2] + `\b`).MatchString(read(t, m[1]+"/version.go")) {
			t.Errorf("%s has no variable %s for the linker to set", m[1], m[2])
		}
	}
}

// TestContext: whatever the build needs is let through.
func TestContext(t *testing.T) {
	ignore := "\n" + read(t, ".dockerignore")
	if !strings.Contains(ignore, "\n*\n") {
		t.Fatal(".dockerignore lets everything through that it does not name")
	}
	for _, want := range []string{"go.mod", "go.sum", "cmd", "internal", "pkg", "services", "experiments/tasks", "experiments/requirements.txt"} {
		if !strings.Contains(ignore, "\n!"+want+"\n") {
			t.Errorf(".dockerignore keeps %s from the build", want)
		}
	}
}
