package baseservice_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestAnswerThatNoBrokerTakes(t *testing.T) {
	b := setup(t)
	size := 0
	runs := 0
	b.service(t, baseservice.Options{}, getTask(t, func(context.Context, contract.TaskIDRequest) (contract.Task, error) {
		runs++
		return contract.Task{Host: strings.Repeat("x", size)}, nil
	}))
	empty := len(b.wire(t, contract.GetTask.Name, `{"task_id":"a"}`)) - len(`{"status_code":200,"return":}`)
	size = baseservice.MaxReply - empty
	if got := b.wire(t, contract.GetTask.Name, `{"task_id":"a"}`); !strings.HasPrefix(got, `{"status_code":200,`) {
		t.Errorf("the largest answer became %.300s", got)
	}
	size++
	want := fmt.Sprintf(`{"status_code":500,"exception":"the answer of rpc_exec_get_task_by_id has %d bytes, more than the %d that are allowed: ask for less"}`,
		baseservice.MaxReply+1, baseservice.MaxReply)
	if got := b.wire(t, contract.GetTask.Name, `{"task_id":"a"}`); got != want {
		t.Errorf("got %.300s, want %s", got, want)
	}
	if runs != 3 {
		t.Errorf("three calls ran %d times", runs)
	}
}
