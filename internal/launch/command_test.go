package launch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCommand(t *testing.T) {
	file := func(dir, name string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	script, program, both, empty, link := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	file(script, "server.py")
	file(program, "server")
	file(both, "server")
	file(both, "server.py")
	if err := os.Symlink("/bin/sh", filepath.Join(link, "server")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, dir, args string
		want            []string
		err             error
	}{
		{"script", script, `-v "two words"`, []string{"py", script + "/server.py", "work", "-v", "two words"}, nil},
		{"program", program, "", []string{program + "/server", "work"}, nil},
		{"the script comes first", both, "", []string{"py", both + "/server.py", "work"}, nil},
		{"neither", empty, "", nil, ErrNoProgram},
		{"a link is no program", link, "", nil, ErrNoProgram},
		{"no folder", empty + "/absent", "", nil, ErrNoFolder},
		{"a file instead of a folder", program + "/server", "", nil, ErrNoFolder},
		{"open quote", script, `"`, nil, ErrArguments},
	} {
		got, err := Program{Side: Server, Python: "py", Dir: tc.dir, Work: "work", Arguments: tc.args}.Command()
		if !slices.Equal(got, tc.want) || !errors.Is(err, tc.err) {
			t.Errorf("%s: got %q, %v, want %q, %v", tc.name, got, err, tc.want, tc.err)
		}
	}
	if info, err := os.Stat(filepath.Join(program, "server")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the program is not executable: %v, %v", info.Mode(), err)
	}
}

func TestEnviron(t *testing.T) {
	t.Setenv("PYTHONPATH", "/mine")
	t.Setenv("SECRET_TOKEN", "x")
	env := Surroundings{Side: Client, Work: "/w", ClientID: "ada", Host: "::1", Port: 80, PythonPath: []string{"/ours"}, Trace: "00-a-b-01"}.Environ()
	for _, want := range []string{"AGATA_SIDE=client", "AGATA_CLIENT_ID=ada", "AGATA_SERVER_ADDRESS=[::1]:80", "FLWR_HOME=/w/flwr_home",
		"FLWR_TELEMETRY_ENABLED=0", "PYTHONPATH=/ours:/mine", "TRACEPARENT=00-a-b-01"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is not in %q", want, env)
		}
	}
	if slices.Contains(env, "SECRET_TOKEN=x") {
		t.Error("the environment leaks what a task has no business with")
	}
}
