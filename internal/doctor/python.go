package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
)

const (
	// minPython is the oldest Python that task programs may expect.
	minPython = "3.10"

	mendRequirements = "python3 -m venv .venv && .venv/bin/pip install -r experiments/requirements.txt, " +
		"then python = .venv/bin/python3 in section [tasks] of config.ini"

	pythonVersion = `import platform; print(platform.python_version())`

	// flwrVersion finds the package without importing it, which takes seconds.
	flwrVersion = `import importlib.util as u, importlib.metadata as m
print(m.version("flwr") if u.find_spec("flwr") else "")`
)

// flwrRange is what experiments/requirements.txt pins and
// experiments/tasks/README.md was run with.
var flwrRange = versionRange{from: "1.41", before: "1.42"}

func python(ctx context.Context, p Probes, interpreter string) Result {
	out, err := p.Run(ctx, interpreter, "-c", pythonVersion)
	switch version := strings.TrimSpace(out); {
	case missing(err):
		return failed("apt-get install python3 python3-venv, or name another interpreter: python = PATH in section [tasks] of config.ini",
			"there is no interpreter %s (setting tasks.python)", interpreter)
	case err != nil:
		return failed("name another interpreter: python = PATH in section [tasks] of config.ini", "%s does not run: %v", interpreter, err)
	case compareVersions(version, minPython) < 0:
		return failed("apt-get install a newer python3, and name it: python = PATH in section [tasks] of config.ini",
			"%s is Python %.40q, older than %s", interpreter, version, minPython)
	default:
		return ok("%s is Python %s", interpreter, version)
	}
}

func missing(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist)
}

// flower looks for the framework of most tasks. Tasks may do without, so its
// absence is a warning.
func flower(ctx context.Context, p Probes, interpreter string) Result {
	mend := strings.Replace(mendRequirements, "python3", interpreter, 1)
	out, err := p.Run(ctx, interpreter, "-c", flwrVersion)
	version := strings.TrimSpace(out)
	switch {
	case missing(err):
		return warning(mendRequirements, "there is no interpreter %s to look in (setting tasks.python)", interpreter)
	case err != nil:
		return warning(mend, "%s cannot say whether it has flwr: %v", interpreter, err)
	case version == "":
		return warning(mend, "%s has no flwr: tasks that use Flower fail", interpreter)
	case !flwrRange.holds(version):
		return warning(mend, "%s has flwr %s; the tasks of experiments/ were run with %s", interpreter, version, flwrRange)
	}
	return ok("flwr %s, within %s", version, flwrRange)
}

// versionRange is from (included) to before (excluded).
type versionRange struct{ from, before string }

func (r versionRange) holds(version string) bool {
	return compareVersions(version, r.from) >= 0 && compareVersions(version, r.before) < 0
}

func (r versionRange) String() string { return fmt.Sprintf(">=%s,<%s", r.from, r.before) }

// compareVersions compares releases number by number: 1.9 < 1.41, and 1.9 is
// 1.9.0. What follows the numbers, as in 1.9rc1, is left out; what is no
// version at all is older than all.
func compareVersions(a, b string) int {
	x, y := numbers(a), numbers(b)
	for i := range max(len(x), len(y)) {
		if d := at(x, i) - at(y, i); d != 0 {
			return d
		}
	}
	return 0
}

func at(list []int, i int) int {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// numbers reads the leading numbers of a version, each capped.
func numbers(version string) []int {
	var list []int
	for part := range strings.SplitSeq(version, ".") {
		n, digits := 0, 0
		for digits < len(part) && '0' <= part[digits] && part[digits] <= '9' {
			n = min(n*10+int(part[digits]-'0'), 1_000_000)
			digits++
		}
		if digits == 0 {
			break
		}
		list = append(list, n)
		if digits < len(part) {
			break
		}
	}
	return list
}
