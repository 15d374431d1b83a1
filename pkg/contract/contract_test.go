package contract_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

func schemas(t *testing.T) *contract.Schemas {
	t.Helper()
	s, err := contract.CompileSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ptr[T any](v T) *T { return &v }

// roundTrip checks that a filled request passes its own schema and decodes to
// itself.
func roundTrip[Req, Resp any](t *testing.T, fn contract.Function[Req, Resp], req Req) {
	t.Helper()
	s := schemas(t)
	if !s.Has(fn.Name) {
		t.Fatalf("%s has no schema", fn.Name)
	}
	b, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(fn.Name, b); err != nil {
		t.Errorf("%s: %s: %v", fn.Name, b, err)
	}
	var back Req
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(b) {
		t.Errorf("%s: %s came back as %s, %v", fn.Name, b, again, err)
	}
}

func TestRequestsPassTheirSchemas(t *testing.T) {
	roundTrip(t, contract.CreateTask, contract.CreateTaskRequest{TaskID: "4fe5", Host: "localhost", Port: 8080, Username: "u", Password: "p",
		FilesPaths: []string{"client.py"}, SelectionCriteria: "data_qnt > 1", ServerArguments: "-v", ClientArguments: ptr("x"), Tags: []string{"a"}})
	roundTrip(t, contract.StartServerTask, contract.StartTaskRequest{TaskID: "a", Arguments: ptr("x")})
	roundTrip(t, contract.StopServerTask, contract.TaskIDRequest{TaskID: "a"})
	roundTrip(t, contract.UpdateTask, contract.UpdateTaskRequest{TaskID: "a", Host: ptr("h"), Port: ptr(0), Username: ptr(""), Password: ptr("p"),
		SelectionCriteria: ptr(""), ServerArguments: ptr(""), ClientArguments: ptr(""), IfRevision: ptr(int64(3))})
	roundTrip(t, contract.GetTask, contract.TaskIDRequest{TaskID: "a"})
	roundTrip(t, contract.RequestTasks, contract.UserIDRequest{UserID: "u"})
	roundTrip(t, contract.UpdateUser, contract.UpdateUserRequest{UserID: "u", DataQnt: ptr(int64(1)), AvgAccContrib: ptr(0.5),
		AvgDisconnectionPerRound: ptr(0.1), Sensors: ptr([]string{"camera"}), Attributes: map[string]any{"gpu": true}})
	roundTrip(t, contract.GetUser, contract.UserIDRequest{UserID: "u"})
	roundTrip(t, contract.ListTasks, contract.ListTasksRequest{ListRequest: contract.ListRequest{After: "a", Limit: 10, Query: "%_"},
		State: "running", Order: contract.OrderNewest})
	roundTrip(t, contract.ListTasks, contract.ListTasksRequest{})
	roundTrip(t, contract.DescribeTask, contract.TaskIDRequest{TaskID: "a"})
	roundTrip(t, contract.DeleteTask, contract.TaskIDRequest{TaskID: "a"})
	roundTrip(t, contract.ListTaskFiles, contract.TaskIDRequest{TaskID: "a"})
	roundTrip(t, contract.DeleteTaskFile, contract.TaskFileRequest{TaskID: "a", Path: "sub/client.py"})
	roundTrip(t, contract.CheckCriteria, contract.CheckCriteriaRequest{})
	roundTrip(t, contract.CheckCriteria, contract.CheckCriteriaRequest{Expression: "data_qnt > 1"})
	roundTrip(t, contract.ListTaskClients, contract.TaskAudienceRequest{TaskID: "a", ListRequest: contract.ListRequest{After: "u", Limit: 1000, Query: "x"}})
	roundTrip(t, contract.ListUsers, contract.ListRequest{})
	roundTrip(t, contract.ListUsers, contract.ListRequest{After: "u", Limit: 1, Query: "x"})
	roundTrip(t, contract.ExplainTask, contract.ExplainRequest{TaskID: "a", UserID: "u"})
	roundTrip(t, contract.ServerLogs, contract.LogsRequest{TaskID: "a", Lines: 3, After: "0198.1.2.3"})
	roundTrip(t, contract.RevokeBundle, contract.RevokeRequest{Digest: strings.Repeat("0a", 32), Others: []string{strings.Repeat("b1", 32)}, TaskID: "a", Reason: "r"})
	roundTrip(t, contract.ListRevocations, contract.RevocationsRequest{After: "x.1", Limit: 1000})
	roundTrip(t, contract.ReleaseTask, contract.TaskIDRequest{TaskID: "a"})
	roundTrip(t, contract.Wake, contract.WakeRequest{TaskID: "a", Change: contract.ChangeStopped})
	roundTrip(t, contract.Wake, contract.WakeRequest{})
	roundTrip(t, contract.Wake, contract.WakeRequest{PollAfter: 1.5})
	roundTrip(t, contract.AwaitChanges, contract.AwaitChangesRequest{Feed: "f", After: 3, Wait: 20})
	roundTrip(t, contract.AwaitChanges, contract.AwaitChangesRequest{})
}

// A request without arguments goes out as {}, which the schema must take.
func TestRequestsWithoutArguments(t *testing.T) {
	for _, fn := range []string{contract.CountTasks.Name, contract.ClientStatus.Name} {
		if err := schemas(t).Validate(fn, []byte(`{}`)); err != nil {
			t.Errorf("%s: %v", fn, err)
		}
		if err := schemas(t).Validate(fn, []byte(`{"x":1}`)); err == nil {
			t.Errorf("%s takes an unknown argument", fn)
		}
	}
}

func TestSchemasOfTheConsoleRefuse(t *testing.T) {
	for _, tc := range []struct{ fn, body, want string }{
		{contract.ListTasks.Name, `{"state":"asleep"}`, "state"},
		{contract.ListTasks.Name, `{"order":"oldest"}`, "order"},
		{contract.ListTasks.Name, `{"limit":1001}`, "limit"},
		{contract.ListTasks.Name, `{"query":1}`, "query"},
		{contract.ListUsers.Name, `{"state":"running"}`, "state"},
		{contract.DeleteTaskFile.Name, `{"task_id":"a"}`, "path"},
		{contract.DeleteTaskFile.Name, `{"task_id":"a","path":""}`, "path"},
		{contract.RevokeBundle.Name, `{}`, "digest"},
		{contract.RevokeBundle.Name, `{"digest":"` + strings.Repeat("A", 64) + `"}`, "digest"},
		{contract.ListRevocations.Name, `{"limit":1001}`, "limit"},
		{contract.CheckCriteria.Name, `{}`, "expression"},
		{contract.CheckCriteria.Name, `{"expression":"` + strings.Repeat("x", 4097) + `"}`, "expression"},
		{contract.ListTaskClients.Name, `{"limit":1}`, "task_id"},
		{contract.ServerLogs.Name, `{"task_id":"a","lines":1001}`, "lines"},
		{contract.UpdateTask.Name, `{"task_id":"a","if_revision":"1"}`, "if_revision"},
		{contract.UpdateTask.Name, `{"task_id":"a","revision":1}`, "revision"},
	} {
		if err := schemas(t).Validate(tc.fn, []byte(tc.body)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %.60s: %v, want a text with %q", tc.fn, tc.body, err, tc.want)
		}
	}
}

func TestValidateSaysWhatIsWrong(t *testing.T) {
	ok := `"task_id":"a","host":"h","port":1,"username":"u","password":"p","files_paths":[]`
	for _, tc := range []struct{ name, body, want string }{
		{"not json", `{`, "not JSON"},
		{"trailing", `{} {}`, "not JSON"},
		{"not UTF-8", "{\"task_id\":\"\xff\"}", "not UTF-8"},
		{"not an object", `[1]`, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"missing", `{"task_id":"a"}`, "port"},
		{"wrong type", `{` + strings.Replace(ok, `"port":1`, `"port":"1"`, 1) + `}`, "port: got string, want integer"},
		{"port too large", `{` + strings.Replace(ok, `"port":1`, `"port":65536`, 1) + `}`, "port: maximum: got 65536, want 65535"},
		{"port negative", `{` + strings.Replace(ok, `"port":1`, `"port":-1`, 1) + `}`, "port: minimum"},
		{"huge exponent", `{` + strings.Replace(ok, `"port":1`, `"port":1e999999999`, 1) + `}`, "out of range"},
		{"unknown argument", `{` + ok + `,"colour":1}`, "colour"},
		{"id escapes", `{` + strings.Replace(ok, `"a"`, `"../a"`, 1) + `}`, "task_id"},
		{"item type", `{` + strings.Replace(ok, `[]`, `["a",1]`, 1) + `}`, "files_paths.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := schemas(t).Validate(contract.CreateTask.Name, []byte(tc.body))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want a text with %q", err, tc.want)
			}
		})
	}
	if err := schemas(t).Validate(contract.CreateTask.Name, []byte(`{`+ok+`}`)); err != nil {
		t.Errorf("the good body was refused: %v", err)
	}
}

func TestReplyHasExactlyTwoKeys(t *testing.T) {
	for _, tc := range []struct {
		r    contract.Reply
		want string
	}{
		{contract.Reply{StatusCode: 200, Return: json.RawMessage("null")}, `{"status_code":200,"return":null}`},
		{contract.Reply{StatusCode: 500, Exception: ptr("")}, `{"status_code":500,"exception":""}`},
	} {
		if b, err := json.Marshal(tc.r); err != nil || string(b) != tc.want {
			t.Errorf("got %s, %v, want %s", b, err, tc.want)
		}
	}
}

func TestDateIsLocalTimeInSeconds(t *testing.T) {
	when := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
	b, err := json.Marshal(contract.Date{Time: when})
	if err != nil || string(b) != `"2026-03-04 05:06:07"` {
		t.Fatalf("got %s, %v", b, err)
	}
	var d contract.Date
	if err := json.Unmarshal(b, &d); err != nil || !d.Equal(when) {
		t.Errorf("got %v, %v, want %v", d, err, when)
	}
}

func TestFlagReadsNumbersAndBooleans(t *testing.T) {
	for in, want := range map[string]contract.Flag{"0": false, "1": true, "true": true, "false": false} {
		var f contract.Flag
		if err := json.Unmarshal([]byte(in), &f); err != nil || f != want {
			t.Errorf("%s: got %v, %v", in, f, err)
		}
	}
	var f contract.Flag
	if err := json.Unmarshal([]byte(`"yes"`), &f); err == nil {
		t.Error(`"yes" was accepted`)
	}
}
