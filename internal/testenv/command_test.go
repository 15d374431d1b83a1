package testenv

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestCommandIsBuiltOnce(t *testing.T) {
	var c Command
	path := c.Path(t)
	defer os.RemoveAll(c.dir)
	out, err := exec.CommandContext(t.Context(), path, "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "agata ") {
		t.Errorf("%q, %v", out, err)
	}
	if again := c.Path(t); again != path {
		t.Errorf("it is built again: %s and %s", path, again)
	}
}
