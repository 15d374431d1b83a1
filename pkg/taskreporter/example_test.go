package taskreporter_test

import (
	"fmt"
	"os"

	"github.com/agata-fl/agata/pkg/taskreporter"
)

// A server's task: it says that it started, what its rounds gave, and its end.
func ExampleNew() {
	os.Unsetenv(taskreporter.EnvReports)
	reporter, err := taskreporter.New(taskreporter.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer reporter.Close()
	for round := 1; round <= 2; round++ {
		reporter.SendStats(round, float64(round)/2)
	}
	reporter.Finished()
	// Output:
	// {"type":"info","info":"Started"}
	// {"type":"model","round":"1","acc":"0.5"}
	// {"type":"model","round":"2","acc":"1"}
	// {"type":"info","info":"Finished"}
}

// A manager reads a task's output line by line.
func ExampleParse() {
	for _, line := range []string{
		`{"type":"model","round":"1","acc":"0.93"}`,
		`loading the data ...`,
		`{"type":"error","exception":"no data"}`,
	} {
		report, ok := taskreporter.Parse([]byte(line))
		if !ok {
			fmt.Println("log:", line)
			continue
		}
		switch r := report.(type) {
		case taskreporter.Model:
			fmt.Println("round", r.Round, "accuracy", r.Accuracy)
		case taskreporter.Error:
			fmt.Println("failed:", r.Exception)
		}
	}
	// Output:
	// round 1 accuracy 0.93
	// log: loading the data ...
	// failed: no data
}
