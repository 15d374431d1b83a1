package cloudtaskmanager

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func builtins() []string {
	return []string{"ID", "avg_acc_contrib", "avg_disconnection_per_round", "creation_date", "data_qnt", "last_mod_date", "sensors", "user_id"}
}

func TestCheckCriteria(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.user(contract.User{ID: "rich", DataQnt: ptr(int64(100)), Sensors: []string{"camera"}, Attributes: map[string]any{"gpu": true, "zone": 4}})
	c.user(contract.User{ID: "poor", DataQnt: ptr(int64(1)), Attributes: map[string]any{"gpu": false}})
	c.user(contract.User{ID: "bare"})
	all := append(builtins(), "gpu", "zone")
	for _, tc := range []struct {
		expression string
		want       contract.CriteriaCheck
	}{
		{"", contract.CriteriaCheck{Valid: true, Matches: 3, Sample: []string{"bare", "poor", "rich"}}},
		{"data_qnt > 50", contract.CriteriaCheck{Valid: true, Matches: 1, Failing: 1, Sample: []string{"rich"}}},
		{`"camera" in sensors`, contract.CriteriaCheck{Valid: true, Matches: 1, Sample: []string{"rich"}}},
		{"gpu", contract.CriteriaCheck{Valid: true, Matches: 1, Failing: 1, Sample: []string{"rich"}}},
		{"dataqnt > 5 and gpuu", contract.CriteriaCheck{Valid: true, Failing: 3, Unknown: []string{"dataqnt", "gpuu"}}},
		{"False", contract.CriteriaCheck{Valid: true}},
		{"data_qnt >", contract.CriteriaCheck{Column: 11}},
		{"  data_qnt >", contract.CriteriaCheck{Column: 13}},
		{"ä = 1", contract.CriteriaCheck{Column: 3}},
		{`"open`, contract.CriteriaCheck{Column: 1}},
		{"__import__('os')", contract.CriteriaCheck{Column: 1}},
	} {
		t.Run(tc.expression, func(t *testing.T) {
			got := must(c, contract.CheckCriteria, contract.CheckCriteriaRequest{Expression: tc.expression})
			if got.Valid == (got.Error != "") || strings.Contains(got.Error, "column") {
				t.Errorf("valid %v with the error %q", got.Valid, got.Error)
			}
			tc.want.Clients, tc.want.Names, tc.want.Error = 3, all, got.Error
			if tc.want.Sample == nil {
				tc.want.Sample = []string{}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listed > 3 {
		t.Errorf("the user manager was asked %d times by somebody who types", c.listed)
	}
}

func TestCheckCriteriaSeesAllPages(t *testing.T) {
	c := newCloud(t)
	c.manager()
	for i := range clientsPage + 20 {
		c.user(contract.User{ID: fmt.Sprintf("u%04d", i), DataQnt: ptr(int64(i))})
	}
	got := must(c, contract.CheckCriteria, contract.CheckCriteriaRequest{Expression: "data_qnt % 2 == 0"})
	if got.Clients != clientsPage+20 || got.Matches != clientsPage/2+10 || len(got.Sample) != sampleSize || !slices.IsSorted(got.Sample) {
		t.Errorf("got %+v", got)
	}
}

func TestCheckCriteriaWithoutUserManager(t *testing.T) {
	c := newCloud(t)
	c.manager()
	c.silence(rpc.Errorf(rpc.Unavailable, "the disk is full"))
	if text := refused(c, contract.CheckCriteria, contract.CheckCriteriaRequest{Expression: "True"}, rpc.Unavailable); !strings.Contains(text, "disk is full") {
		t.Errorf("got %q", text)
	}
	got := must(c, contract.CheckCriteria, contract.CheckCriteriaRequest{Expression: "data_qnt >"})
	if got.Valid || got.Column != 11 || got.Clients != 0 || !slices.Equal(got.Names, builtins()) {
		t.Errorf("what is wrong by itself is not told: %+v", got)
	}
}

// An expression that takes milliseconds for a client must not keep the service busy.
func TestCheckCriteriaIsBounded(t *testing.T) {
	c := newCloud(t)
	c.manager()
	numbers := make([]any, 60)
	for i := range numbers {
		numbers[i] = i
	}
	for i := range 3000 {
		c.user(contract.User{ID: fmt.Sprintf("u%04d", i), Attributes: map[string]any{"a": numbers}})
	}
	began := time.Now()
	const slow = "all(all(y >= 0 for y in a if x >= 0) for x in a) and all(all(y >= 0 for y in a if x >= 0) for x in a) and all(all(y >= 0 for y in a) for x in a)"
	got, err := rpc.Call(t.Context(), c.caller, contract.CheckCriteria, contract.CheckCriteriaRequest{Expression: slow})
	if took := time.Since(began); took > checkTime+clientsTime {
		t.Errorf("it took %s", took)
	}
	// A fast machine may manage all of them.
	if err != nil && (rpc.CodeOf(err) != rpc.Deadline || !strings.Contains(err.Error(), "too slow")) || err == nil && got.Matches != 3000 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestListTaskClients(t *testing.T) {
	c := newCloud(t)
	c.manager()
	ask := func(after, query string, limit int) contract.TaskAudience {
		t.Helper()
		req := contract.TaskAudienceRequest{TaskID: "a"}
		req.After, req.Query, req.Limit = after, query, limit
		return must(c, contract.ListTaskClients, req)
	}
	refused(c, contract.ListTaskClients, contract.TaskAudienceRequest{TaskID: "a"}, rpc.NotFound)
	c.create("a", `data_qnt > 50 and ("camera" in sensors or lidar) and avg_acc_contrib > 0.5`)
	c.file("a", "server.py", preamble+forever)
	c.user(contract.User{ID: "1-in", DataQnt: ptr(int64(60)), AvgAccContrib: ptr(0.6), Sensors: []string{"camera"}})
	c.user(contract.User{ID: "2-little", DataQnt: ptr(int64(5)), Sensors: []string{"camera"}})
	c.user(contract.User{ID: "3-blind", DataQnt: ptr(int64(60)), AvgAccContrib: ptr(0.1), Sensors: []string{"ecu"}})
	c.user(contract.User{ID: "4-bad", DataQnt: ptr(int64(60)), AvgAccContrib: ptr(0.1), Attributes: map[string]any{"lidar": true}})
	c.user(contract.User{ID: "5-untold", DataQnt: ptr(int64(60)), Sensors: []string{"camera"}})
	want := contract.TaskAudience{Total: 5, Clients: []contract.ClientChoice{
		{UserID: "1-in", Selected: true},
		{UserID: "2-little", Clause: &contract.Clause{Text: "data_qnt > 50", Outcome: "false", Detail: "data_qnt = 5"}},
		{UserID: "3-blind", Clause: &contract.Clause{Text: "lidar", Outcome: "error", Detail: "no lidar; the client has no lidar"}},
		{UserID: "4-bad", Clause: &contract.Clause{Text: "avg_acc_contrib > 0.5", Outcome: "false", Detail: "avg_acc_contrib = 0.1"}},
		{UserID: "5-untold", Clause: &contract.Clause{Text: "avg_acc_contrib > 0.5", Outcome: "error", Detail: "avg_acc_contrib = None; '>' is not supported between 'NoneType' and 'float'"}},
	}}
	if diff := cmp.Diff(want, ask("", "", 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.start("a")
	first := ask("", "", 2)
	second := ask(first.Next, "", 2)
	third := ask(second.Next, "", 2)
	if !first.Running || len(first.Clients) != 2 || second.Clients[0].UserID != "3-blind" || len(third.Clients) != 1 || third.Next != "" || third.Total != 5 {
		t.Errorf("pages: %+v, %+v, %+v", first, second, third)
	}
	if got := ask("", "-B", 0); got.Total != 2 || len(got.Clients) != 2 || got.Clients[1].UserID != "4-bad" {
		t.Errorf("found: %+v", got)
	}
	must(c, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", SelectionCriteria: ptr("")})
	for _, choice := range ask("", "", 0).Clients {
		if !choice.Selected || choice.Clause != nil {
			t.Errorf("a task for everyone: %+v", choice)
		}
	}
	c.silence(rpc.Errorf(rpc.Unavailable, "it is away"))
	refused(c, contract.ListTaskClients, contract.TaskAudienceRequest{TaskID: "a"}, rpc.Unavailable)
}
