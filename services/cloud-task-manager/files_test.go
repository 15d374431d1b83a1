package cloudtaskmanager

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestTaskFiles(t *testing.T) {
	c := newCloud(t)
	c.manager()
	a := contract.TaskIDRequest{TaskID: "a"}
	refused(c, contract.ListTaskFiles, a, rpc.NotFound)
	must(c, contract.CreateTask, contract.CreateTaskRequest{TaskID: "a", Host: "h", Username: "u", Password: "p",
		FilesPaths: []string{"client.py", "lib/model.py", "client.py"}})
	want := func(want contract.TaskFiles) {
		t.Helper()
		if diff := cmp.Diff(want, must(c, contract.ListTaskFiles, a)); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	}
	want(contract.TaskFiles{Files: []contract.TaskFile{}, Missing: []string{"client.py", "lib/model.py"}})
	c.file("a", "client.py", "x")
	c.file("a", "server.py", preamble+forever)
	const sumOfX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	got := must(c, contract.ListTaskFiles, a)
	if len(got.Files) != 2 || got.Files[0] != (contract.TaskFile{Path: "client.py", Size: 1, SHA256: sumOfX, Client: true}) ||
		got.Files[1].Path != "server.py" || got.Files[1].Client || !cmp.Equal(got.Missing, []string{"lib/model.py"}) {
		t.Errorf("files: %+v", got)
	}

	file := func(path string) contract.TaskFileRequest { return contract.TaskFileRequest{TaskID: "a", Path: path} }
	for _, path := range []string{"../task_b/server.py", "/etc/passwd", "a/../server.py", "./server.py", `a\b`, "x\ny"} {
		if text := refused(c, contract.DeleteTaskFile, file(path), rpc.Invalid); !strings.Contains(text, "path") {
			t.Errorf("%q: %q", path, text)
		}
	}
	refused(c, contract.DeleteTaskFile, file("absent.py"), rpc.NotFound)
	refused(c, contract.DeleteTaskFile, contract.TaskFileRequest{TaskID: "none", Path: "x"}, rpc.NotFound)
	c.start("a")
	if text := refused(c, contract.DeleteTaskFile, file("client.py"), rpc.Conflict); text != contract.TaskRuns("a") {
		t.Errorf("while it runs: %q", text)
	}
	c.halt("a")
	must(c, contract.DeleteTaskFile, file("client.py"))
	must(c, contract.DeleteTaskFile, file("server.py"))
	refused(c, contract.DeleteTaskFile, file("server.py"), rpc.NotFound)
	want(contract.TaskFiles{Files: []contract.TaskFile{}, Missing: []string{"client.py", "lib/model.py"}})
}
