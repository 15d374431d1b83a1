package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestClientList(t *testing.T) {
	f := newFakeCloud(t)
	n := int64(7)
	f.on(contract.ListUsers.Name, func(body []byte) (int, any) {
		var req contract.ListRequest
		if err := json.Unmarshal(body, &req); err != nil {
			t.Error(err)
		}
		if req.After == "" {
			return 200, contract.UserList{Users: []contract.User{{ID: "a", DataQnt: &n, Sensors: []string{"camera", "ecu"},
				Attributes: map[string]any{"gpu": true, "colours": []string{"red"}}}}, Next: "a"}
		}
		return 200, contract.UserList{Users: []contract.User{{ID: "b"}}, Next: req.After} // a page that would come again
	})
	r := f.ok("client", "list")
	lines := strings.Split(r.out, "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[1], `a   7     camera,ecu  colours=["red"] gpu=true  never      no      -        0            -`) || !strings.HasPrefix(lines[2], "b   -") {
		t.Errorf("got %q", lines)
	}
}

func TestClientShow(t *testing.T) {
	f := newFakeCloud(t)
	acc := 0.25
	f.on(contract.GetUser.Name, func([]byte) (int, any) { return 200, contract.User{ID: "a", AvgAccContrib: &acc} })
	if r := f.ok("client", "show", "a"); !strings.Contains(r.out, "avg_acc_contrib              0.25\n") || !strings.Contains(r.out, "data_qnt                     -\n") {
		t.Errorf("got %s", r.out)
	}
	f.fails(contract.GetUser.Name, http.StatusInternalServerError, contract.UserNotRegistered("a"))
	if r := f.agata("client", "show", "a"); r.code != exitFailed || !strings.Contains(r.err, "agata client list shows the clients") {
		t.Errorf("got %+v", r)
	}
}

func TestExplain(t *testing.T) {
	f := newFakeCloud(t)
	f.on(contract.ExplainTask.Name, func(body []byte) (int, any) {
		if string(body) != `{"task_id":"t","user_id":"a"}` {
			t.Errorf("got %s", body)
		}
		return 200, contract.Explanation{Offered: true, Clauses: []contract.Clause{{Text: "gpu", Outcome: "true", Detail: "gpu = True"}}}
	})
	if r := f.ok("task", "explain", "t", "--client", "a"); !strings.HasPrefix(r.out, "client a is offered task t\n") || !strings.Contains(r.out, "true     gpu        gpu = True") {
		t.Errorf("got %s", r.out)
	}
}
