package supervise_test

import (
	"context"
	"fmt"
	"os"

	"github.com/agata-fl/agata/internal/supervise"
)

func Example() {
	dir, _ := os.MkdirTemp("", "executions-")
	defer os.RemoveAll(dir)
	manager, err := supervise.New(supervise.Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer manager.Close() // detaches; a task that runs goes on

	p, err := manager.Start(context.Background(), supervise.Spec{
		ID:     "4fe5-1",
		TaskID: "4fe5",
		Argv:   []string{"sh", "-c", `echo "task $AGATA_TASK_ID"; exit 3`},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range p.Lines() {
		fmt.Println(line.Stream, line.Text)
		_ = p.Commit(line)
	}
	exit, _ := p.Exit()
	fmt.Println(exit.Reason, exit.Code)
	fmt.Println(p.Remove())
	// Output:
	// stdout task 4fe5
	// exit_nonzero 3
	// <nil>
}
