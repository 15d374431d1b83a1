package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
)

// A client in Python finds its tasks at our cloud, by HTTP and by RPC.
func TestPythonClient(t *testing.T) {
	w, p := pythonWorld(t, testenv.RabbitMQ(t), testenv.RabbitMQ2(t))
	w.serveCloud()
	criteria := map[string]string{
		"fits": `(data_qnt > 50) and ("camera" in sensors)`, "misfit": `data_qnt > 5000`, "unknown": `gpu > 1`, "mistyped": `sensors > 3`, "all": "",
	}
	for _, id := range []string{"unknown", "fits", "mistyped", "misfit", "all"} { // the order of creation
		w.task(id, forever, "pass\n", func(r *contract.CreateTaskRequest) {
			r.SelectionCriteria, r.Tags = criteria[id], []string{"t1", "t2"}
		})
		w.start(id)
	}
	gateway := w.set["server.gateway.url"]
	calls := map[string]func(fn, body string) (int, string){
		"HTTP": func(fn, body string) (int, string) {
			a := p.post(gateway+"/"+fn, body)
			return a.Status, a.Body
		},
		"RPC": func(fn, body string) (int, string) {
			r := p.callAs(fn, fn, body)
			if r.status == 200 {
				return r.status, string(r.value)
			}
			text, err := json.Marshal(r.exception)
			if err != nil {
				t.Fatal(err)
			}
			return r.status, string(text)
		},
	}
	for way, call := range calls {
		t.Run(way, func(t *testing.T) {
			user := "python-" + way
			me := `{"user_id":"` + user + `"}`
			if status, text := call(askTasks, me); status != 500 || text != `"Could not retrieve info from user with ID=`+user+`"` {
				t.Errorf("an unknown client asks: %d %s", status, text)
			}
			if status, text := call(getUser, me); status != 500 || text != `"User with ID=`+user+` not registered"` {
				t.Errorf("an unknown client: %d %s", status, text)
			}
			if status, text := call(updateMe, `{"user_id":"`+user+`","data_qnt":51,"sensors":["ecu"]}`); status != 200 || text != "null" {
				t.Fatalf("the client tells of itself: %d %s", status, text)
			}
			if got := offered(t, call, me); !slices.Equal(got, []string{"all"}) {
				t.Errorf("without a camera it is offered %v", got)
			}
			if status, text := call(updateMe, `{"user_id":"`+user+`","avg_acc_contrib":0.25,"sensors":["camera"]}`); status != 200 || text != "null" {
				t.Fatalf("the client tells of itself: %d %s", status, text)
			}
			var record map[string]any
			if _, text := call(getUser, me); json.Unmarshal([]byte(text), &record) != nil || record["data_qnt"] != 51.0 || record["avg_acc_contrib"] != 0.25 {
				t.Errorf("the client's record: %s", text)
			}
			want := []string{"ID", "avg_acc_contrib", "avg_disconnection_per_round", "creation_date", "data_qnt", "last_mod_date", "sensors"}
			if got := slices.Sorted(maps.Keys(record)); !slices.Equal(got, want) {
				t.Errorf("a client has the keys %v, want %v", got, want)
			}
			if got := offered(t, call, me); !slices.Equal(got, []string{"fits", "all"}) {
				t.Errorf("with a camera it is offered %v", got)
			}
			if status, text := call(updateMe, `{"user_id":"`+user+`","data_qnt":"many"}`); status != 400 || !strings.HasPrefix(text, `"`+updateMe+" cannot be executed due to invalid arguments: ") {
				t.Errorf("a wrong type: %d %s", status, text)
			}
			p.ok(stop, `{"task_id":"fits"}`, nil)
			if got := offered(t, call, me); !slices.Equal(got, []string{"all"}) {
				t.Errorf("after the stop it is offered %v", got)
			}
			p.ok(start, `{"task_id":"fits"}`, nil)
			if got := offered(t, call, me); !slices.Equal(got, []string{"fits", "all"}) {
				t.Errorf("after the next start it is offered %v", got)
			}
		})
	}
	t.Run("download", func(t *testing.T) { download(t, p, w.set["server.files.url"]+"/download/") })
}

// offered asks for tasks: their ids in order, each with exactly the keys of the
// contract.
func offered(t testing.TB, call func(fn, body string) (int, string), me string) (ids []string) {
	t.Helper()
	status, text := call(askTasks, me)
	var tasks []map[string]any
	if err := json.Unmarshal([]byte(text), &tasks); err != nil || status != 200 {
		t.Fatalf("the offers: %d %s %v", status, text, err)
	}
	for _, task := range tasks {
		want := []string{"ID", "client_arguments", "files_paths", "host", "password", "port", "tags", "username"}
		if got := slices.Sorted(maps.Keys(task)); !slices.Equal(got, want) {
			t.Errorf("an offer has the keys %v, want %v", got, want)
		}
		tags, err := json.Marshal(task["tags"])
		if err != nil || string(tags) != `["t1","t2"]` || task["client_arguments"] != nil {
			t.Errorf("an offer: %v", task)
		}
		id, _ := task["ID"].(string)
		ids = append(ids, id)
	}
	return ids
}

func download(t *testing.T, p *peer, url string) {
	if a := p.get(url+"fits/client.py", "user", "123"); a.Status != 200 || a.Body != prelude+"pass\n" {
		t.Errorf("download: %+v", a)
	}
	for name, a := range map[string]web{
		"no credentials": p.get(url+"fits/client.py", "", ""), "wrong password": p.get(url+"fits/client.py", "user", "124"),
		"wrong user": p.get(url+"fits/client.py", "resu", "123"), "wrong password, no file": p.get(url+"fits/absent.py", "user", "124"),
	} {
		if a.Status != 401 || a.Headers["Www-Authenticate"] != `Basic realm="Login Required"` {
			t.Errorf("%s: %d %v", name, a.Status, a.Headers)
		}
	}
	for name, path := range map[string]string{"no task": "absent/client.py", "no file": "fits/absent.py", "a folder": "fits/", "another task's": "fits/../all/client.py"} {
		if a := p.get(url+path, "user", "123"); a.Status != 404 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}
