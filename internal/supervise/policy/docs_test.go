package policy

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

var update = flag.Bool("update", false, "write the table of docs/tasks.md anew")

// what a client does about a class, as the documentation says it.
var answers = map[Class]string{
	Success:        "not run again while the cloud offers it, for three poll intervals",
	Code:           "this version is set aside",
	Infrastructure: "tried again",
	Operator:       "nothing",
}

func TestTheReasonsAreDocumented(t *testing.T) {
	const path, begin, end = "../../../docs/tasks.md", "<!-- reasons: written by go test ./internal/supervise/policy -update -->\n", "<!-- end of reasons -->"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks around the table of reasons", path)
	}
	var b strings.Builder
	b.WriteString("| reason | what it means | a client's answer |\n|---|---|---|\n")
	for _, r := range contract.Reasons() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r, r.Meaning(), answers[ClassOf(r)])
	}
	want := head + begin + b.String() + end + tail
	if want == string(data) {
		return
	}
	if !*update {
		t.Fatalf("the table of %s is not that of the code: run go test ./internal/supervise/policy -update", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOthersKnowTheReasons(t *testing.T) {
	text := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	var names []string
	advice := text("../../../web/src/pages/task/advice.ts")
	for _, r := range contract.Reasons() {
		names = append(names, string(r))
		if r != contract.ReasonFinished && !strings.Contains(advice, "\n  "+string(r)+": ") {
			t.Errorf("the console has no advice for %s", r)
		}
	}
	if list := "enum: [" + strings.Join(names, ", ") + "]"; !strings.Contains(text("../../../docs/openapi.yaml"), list) {
		t.Errorf("docs/openapi.yaml does not list the reasons: %s", list)
	}
}
