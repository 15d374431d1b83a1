package usermanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// raw calls a function with a body as a peer in any language would write it.
func raw(t testing.TB, tr *amqpx.Transport, fn, body string) (string, error) {
	t.Helper()
	v, err := rpc.CallRaw(deadline(t), tr, rpc.Request{Function: fn, Body: []byte(body)}, true)
	return string(v), err
}

// fields drops the dates from a user's record, which no test can know.
func fields(t testing.TB, record string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(record), &m); err != nil {
		t.Fatalf("%s: %v", record, err)
	}
	for _, key := range []string{"creation_date", "last_mod_date"} {
		text, ok := m[key].(string)
		if when, err := time.ParseInLocation(contract.DateLayout, text, time.Local); !ok || err != nil || time.Since(when).Abs() > time.Minute {
			t.Errorf("%s is %v, not a date of this minute", key, m[key])
		}
		delete(m, key)
	}
	return m
}

func TestUpdateAndGet(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		tr := brokertest.Connect(t, broker)
		serve(t, t.TempDir(), tr, false)
		for _, step := range []struct{ update, want string }{
			{`{"user_id":"u"}`,
				`{"ID":"u","data_qnt":0,"avg_acc_contrib":null,"avg_disconnection_per_round":null,"sensors":[]}`},
			{`{"user_id":"u","data_qnt":50,"sensors":["ecu","camera","ecu"]}`,
				`{"ID":"u","data_qnt":50,"avg_acc_contrib":null,"avg_disconnection_per_round":null,"sensors":["ecu","camera"]}`},
			{`{"user_id":"u","avg_acc_contrib":0.25}`,
				`{"ID":"u","data_qnt":50,"avg_acc_contrib":0.25,"avg_disconnection_per_round":null,"sensors":["ecu","camera"]}`},
			{`{"user_id":"u","sensors":["gps"],"avg_disconnection_per_round":1,"attributes":{"gpu":true,"plate":"007","big":9007199254740993}}`,
				`{"ID":"u","data_qnt":50,"avg_acc_contrib":0.25,"avg_disconnection_per_round":1,"sensors":["gps"],"attributes":{"big":9007199254740993,"gpu":true,"plate":"007"}}`},
			{`{"user_id":"u","attributes":{"gpu":null,"plate":["a", {"b":null}],"absent":null}}`,
				`{"ID":"u","data_qnt":50,"avg_acc_contrib":0.25,"avg_disconnection_per_round":1,"sensors":["gps"],"attributes":{"big":9007199254740993,"plate":["a",{"b":null}]}}`},
			{`{"user_id":"u","sensors":[],"data_qnt":0,"attributes":{"big":null,"plate":null}}`,
				`{"ID":"u","data_qnt":0,"avg_acc_contrib":0.25,"avg_disconnection_per_round":1,"sensors":[]}`},
		} {
			if v, err := raw(t, tr, contract.UpdateUser.Name, step.update); err != nil || v != "null" {
				t.Fatalf("%s: returned %s, %v; want null", step.update, v, err)
			}
			v, err := raw(t, tr, contract.GetUser.Name, `{"user_id":"u"}`)
			if err != nil {
				t.Fatalf("after %s: %v", step.update, err)
			}
			var want map[string]any
			if err := json.Unmarshal([]byte(step.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, fields(t, v)); diff != "" {
				t.Errorf("after %s (-want +got):\n%s", step.update, diff)
			}
			if strings.Contains(step.want, "9007199254740993") != strings.Contains(v, "9007199254740993") {
				t.Errorf("after %s: the large integer changed: %s", step.update, v)
			}
		}
	})
}

func TestListPages(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	serve(t, t.TempDir(), tr, false)
	ctx := deadline(t)
	for i := range 25 {
		if _, err := rpc.Call(ctx, tr, contract.UpdateUser, contract.UpdateUserRequest{UserID: fmt.Sprintf("u%02d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	req := contract.ListRequest{Limit: 10}
	for pages := 1; ; pages++ {
		page, err := rpc.Call(ctx, tr, contract.ListUsers, req)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			got = append(got, u.ID)
		}
		if req.After = page.Next; page.Next == "" {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
	}
	if len(got) != 25 || got[0] != "u00" || got[24] != "u24" {
		t.Errorf("listed %v", got)
	}
	if v, err := raw(t, tr, contract.ListUsers.Name, `{"after":"u24"}`); err != nil || v != `{"users":[],"total":25}` {
		t.Errorf("past the end: %s, %v", v, err)
	}
}

func TestEventsTellOfTheWork(t *testing.T) {
	broker := brokertest.Embedded(t)
	tr := brokertest.Connect(t, broker)
	stop := serve(t, t.TempDir(), tr, true)
	if _, err := raw(t, tr, contract.UpdateUser.Name, `{"user_id":"u"}`); err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, tr, contract.GetUser.Name, `{"user_id":"u"}`); err != nil {
		t.Fatal(err)
	}
	stop()
	want := []string{
		"main: Started",
		"rpc_exec_update_user_info: Started updating user info", "rpc_exec_update_user_info: Finished updating user info",
		"rpc_exec_get_user_info: Started querying user info", "rpc_exec_get_user_info: Finished querying user info",
		"main: Interrupted",
	}
	brokertest.WantEvents(t, tr, "service_user_manager", want)
}

func TestRecordsOutliveTheService(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	stop := serve(t, folder, tr, false)
	if _, err := raw(t, tr, contract.UpdateUser.Name, `{"user_id":"ü <1>","sensors":["a<b","c"]}`); err != nil {
		t.Fatal(err)
	}
	stop()
	info, err := os.Stat(filepath.Join(folder, "user-manager.db"))
	if server(t, folder).URL != "" {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("there is a file of records: %v, %v", info, err)
		}
	} else if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of records: %v, %v", info, err)
	}
	serve(t, folder, tr, false)
	u, err := rpc.Call(deadline(t), tr, contract.GetUser, contract.UserIDRequest{UserID: "ü <1>"})
	if err != nil || u.ID != "ü <1>" || !cmp.Equal(u.Sensors, []string{"a<b", "c"}) {
		t.Errorf("got %+v, %v", u, err)
	}
}

func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	serve(t, t.TempDir(), tr, false)
	ctx := deadline(t)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			req := contract.UpdateUserRequest{UserID: "u", Attributes: map[string]any{fmt.Sprintf("a%d", i): i}}
			if _, err := rpc.Call(ctx, tr, contract.UpdateUser, req); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	u, err := rpc.Call(ctx, tr, contract.GetUser, contract.UserIDRequest{UserID: "u"})
	if err != nil || len(u.Attributes) != 50 {
		t.Errorf("%d attributes after 50 concurrent updates, %v", len(u.Attributes), err)
	}
}

func TestNewRefusesWhatCannotRun(t *testing.T) {
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "data folder") {
		t.Errorf("without a folder: %v", err)
	}
	if _, err := New(Options{Data: t.TempDir(), Base: baseservice.Options{}}); err == nil || !strings.Contains(err.Error(), "transport") {
		t.Errorf("without a transport: %v", err)
	}
}

// An update that comes again to another run of the service does not undo what came
// after it.
func TestUpdatesTakeEffectOnce(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, broker amqpx.Options) {
		tr := brokertest.Connect(t, broker)
		dir := t.TempDir()
		update := func(messageID, body string) {
			t.Helper()
			value, err := rpc.CallRaw(deadline(t), tr, rpc.Request{Function: contract.UpdateUser.Name, Body: []byte(body), MessageID: messageID}, true)
			if err != nil || string(value) != "null" {
				t.Errorf("%s: %s, %v", messageID, value, err)
			}
		}
		stop := serve(t, dir, tr, false)
		update("first", `{"user_id":"u","data_qnt":1}`)
		update("second", `{"user_id":"u","data_qnt":2}`)
		update("first", `{"user_id":"u","data_qnt":1}`)
		stop()
		serve(t, dir, tr, false)
		update("first", `{"user_id":"u","data_qnt":1}`)
		if u, err := raw(t, tr, contract.GetUser.Name, `{"user_id":"u"}`); err != nil || !strings.Contains(u, `"data_qnt":2`) {
			t.Errorf("the user is %s, %v", u, err)
		}
	})
}
