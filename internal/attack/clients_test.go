package attack

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

// TestNoClientIsAnother: what a client may do for itself it may not for another,
// however the name is written.
func TestNoClientIsAnother(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"c1", "c2"} {
		w.must(200, id, "POST", "/rpc_exec_update_user_info", `{"user_id":"`+id+`","data_qnt":1}`)
	}
	spelt := []string{
		`{"user_id":"c2","data_qnt":666}`, `{"user_id":"c1","user_id":"c2","data_qnt":666}`, `{"user_id":"c1","USER_ID":"c2","data_qnt":666}`, `{"USER_ID":"c2","user_id":"c1","data_qnt":666}`,
		`{"User_Id":"c2","data_qnt":666}`, `{"user_id":"c1","u\u017fer_id":"c2","data_qnt":666}`, `{"user_id":"\u0063\u0032","data_qnt":666}`, `{"us\u0065r_id":"c2","data_qnt":666}`,
		`{"user_id":["c2"],"data_qnt":666}`, `{"user_id":"c2 ","data_qnt":666}`, `{"user_id":"C2","data_qnt":666}`, `{"user_id":"c2\u0000","data_qnt":666}`, `{"user_id":null,"data_qnt":666}`, `{"data_qnt":666}`, `{"user_id":"","data_qnt":666}`,
		`{"user_id":"%63%32","data_qnt":666}`, `{"user_id":"../c2","data_qnt":666}`,
	}
	for _, body := range spelt {
		for _, fn := range []string{contract.UpdateUser.Name, contract.RequestTasks.Name, contract.GetUser.Name} {
			if a := w.ask("c1", "POST", "/"+fn, body); a.status < 400 {
				t.Errorf("%s %s: %v", fn, body, a)
			}
		}
	}
	var user contract.User
	decode(t, w.must(200, "operator", "POST", "/rpc_exec_get_user_info", `{"user_id":"c2"}`), &user)
	if user.DataQnt == nil || *user.DataQnt != 1 {
		t.Errorf("the other client is now %+v", user)
	}
	var list struct{ Clients []json.RawMessage }
	decode(t, w.must(200, "viewer", "GET", "/api/v1/clients", ""), &list)
	if len(list.Clients) != 2 {
		t.Errorf("there are %d clients now", len(list.Clients))
	}
	record := `{"records":[{"id":"0190a7d4-5c3e-7cc1-9d0b-2a5d5b7c1f10","kind":"event","time":1800000000,"event":{"time":1800000000,"service":"s","function":"f","event":"forged"}}]}`
	for _, name := range []string{"c2", "C1", "c1%20", "%63%32", "c1%2f..%2fc2", "c1/../c2", "", ".", "c1%00", "c2;c1", "c2%3fc1"} {
		for _, a := range []answer{
			w.ask("c1", "POST", "/api/v1/clients/"+name+"/records", record, "Content-Type", "application/json"),
			w.ask("c1", "GET", "/api/v1/clients/"+name+"/downlink", ""),
			w.ask("c1", "GET", "/api/v1/clients/"+name+"/credential", ""),
			w.ask("c1", "DELETE", "/api/v1/clients/"+name+"/credential", ""),
		} {
			if a.status < 300 || a.status >= 500 {
				t.Errorf("%q: %v", name, a)
			}
		}
	}
	if a := w.must(200, "viewer", "GET", "/api/v1/events", ""); strings.Contains(a.body, "forged") {
		t.Errorf("the history has %s", a.body)
	}
	w.must(200, "c2", "POST", "/rpc_exec_get_user_info", `{"user_id":"c2"}`) // its credential still holds
}

// TestNoRecordSpeaksForAnother: what a client tells is the client's, whatever name
// is in it.
func TestNoRecordSpeaksForAnother(t *testing.T) {
	w := newWorld(t)
	w.ask("c1", "POST", "/api/v1/clients/c1/records", `{"records":[{"id":"0190a7d4-5c3e-7cc1-9d0b-2a5d5b7c1f10","kind":"event","time":1800000000,"client":"c2","event":{"time":1800000000,"service":"s","function":"f","event":"forged"}}]}`,
		"Content-Type", "application/json")
	w.ask("c1", "POST", "/api/v1/clients/c1/records", `{"records":[{"id":"0190a7d4-5c3e-7cc1-9d0b-2a5d5b7c1f11","kind":"client","time":1800000000,"client":"c2","state":{"running":[]}}]}`,
		"Content-Type", "application/json")
	if a := w.must(200, "viewer", "GET", "/api/v1/events?client=c2", ""); strings.Contains(a.body, "forged") {
		t.Errorf("the history of c2 has %s", a.body)
	}
	if a := w.ask("viewer", "GET", "/api/v1/clients/c2", ""); a.status != 404 {
		t.Errorf("c2 was heard of: %v", a)
	}
}

// TestNoClientSeesWhatItMayNotRun: neither a task that does not fit, nor its
// password or files, nor what operators see.
func TestNoClientSeesWhatItMayNotRun(t *testing.T) {
	w := newWorld(t)
	w.must(200, "c1", "POST", "/rpc_exec_update_user_info", `{"user_id":"c1","data_qnt":1}`)
	w.task("secret", "client.py", "fine", "server", "#!/bin/sh\nexec sleep 60\n")
	w.must(200, "operator", "PATCH", "/api/v1/tasks/secret", `{"selection_criteria":"data_qnt > 50"}`, "If-Match", "*")
	w.must(200, "operator", "POST", "/api/v1/tasks/secret/start", "{}")
	if a := w.must(200, "c1", "POST", "/rpc_exec_client_requesting_task", `{"user_id":"c1"}`); a.body != "[]" {
		t.Errorf("it is offered %v", a)
	}
	schemas, err := filepath.Glob("../../pkg/contract/schemas/*.json")
	if err != nil || len(schemas) < 8 {
		t.Fatal(schemas, err)
	}
	for _, path := range schemas {
		fn := strings.TrimSuffix(filepath.Base(path), ".json")
		body := `{"task_id":"secret"}`
		if grant := contract.GrantOf(fn); !grant.Client {
			if a := w.ask("c1", "POST", "/"+fn, body); a.status != 403 || strings.Contains(a.body, taskPassword) {
				t.Errorf("%s: %v", fn, a)
			}
		}
	}
	for _, path := range []string{"/tasks", "/tasks/secret", "/tasks/secret/files", "/tasks/secret/files/client.py", "/tasks/secret/logs", "/tasks/secret/explain?client=c1", "/events", "/live", "/clients", "/clients/c1", "/executions", "/operators", "/tokens", "/services", "/overview"} {
		if a := w.ask("c1", "GET", "/api/v1"+path, ""); a.status != 403 {
			t.Errorf("%s: %v", path, a)
		}
	}
	for _, token := range []string{w.tokens["c1"], ""} {
		if a := w.send("http://"+w.files, "GET", "/download/secret/client.py", nil, "Authorization", "Bearer "+token); a.status != 401 {
			t.Errorf("the file: %v", a)
		}
	}
}
