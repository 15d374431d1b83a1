package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// listener keeps the requests that go over a broker, as who reads its queues can.
type listener struct {
	rpc.Transport
	heard []rpc.Request
}

func (l *listener) Call(ctx context.Context, r rpc.Request) (rpc.Reply, error) {
	l.heard = append(l.heard, r)
	return l.Transport.Call(ctx, r)
}

// A cloud with a key: its services understand each other, nobody else is heard,
// and what was overheard has no second effect, also after a restart.
func TestACloudWithAKey(t *testing.T) {
	w := newWorld(t)
	data := filepath.Join(w.dir, "cloud")
	path := filepath.Join(data, "cloud.key")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("5e", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := rpc.LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	w.serve(app.UserManager, app.CloudGateway)
	tasks := w.serve(app.CloudTaskManager)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	create := contract.CreateTaskRequest{TaskID: "a", Host: "h", Username: "u", Password: "p", FilesPaths: []string{"x.py"}}
	if _, err := rpc.Call(ctx, w.operator, contract.CreateTask, create); rpc.CodeOf(err) != rpc.Unauthorized {
		t.Errorf("without a seal: %v", err)
	}
	heard := &listener{Transport: w.operator}
	admin := rpc.Sealed(heard, rpc.SealOptions{Key: key, Self: rpc.Identity{Kind: rpc.Operator, Name: "local", Role: contract.RoleAdmin}})
	if _, err := rpc.Call(ctx, admin, contract.CreateTask, create); err != nil {
		t.Fatal(err)
	}
	overheard := heard.heard[0]
	if _, err := rpc.Call(ctx, admin, contract.UpdateUser, contract.UpdateUserRequest{UserID: "ada"}); err != nil {
		t.Fatal(err)
	}
	// One service asks another, in the name of its caller.
	client := rpc.WithIdentity(ctx, rpc.Identity{Kind: rpc.Client, Name: "ada"})
	if _, err := rpc.Call(client, admin, contract.RequestTasks, contract.UserIDRequest{UserID: "ada"}); err != nil {
		t.Error(err)
	}
	if _, err := rpc.Call(client, admin, contract.RequestTasks, contract.UserIDRequest{UserID: "eve"}); rpc.CodeOf(err) != rpc.Forbidden {
		t.Errorf("another client's tasks: %v", err)
	}
	if _, err := rpc.Call(ctx, admin, contract.DeleteTask, contract.TaskIDRequest{TaskID: "a"}); err != nil {
		t.Fatal(err)
	}

	tasks.stop()
	w.serve(app.CloudTaskManager)
	overheard.Accept = nil
	reply, err := w.operator.Call(ctx, overheard)
	if value, err2 := rpc.Decode(reply); err != nil || err2 != nil || string(value) != "null" {
		t.Errorf("an overheard call: %s, %v, %v", value, err, err2)
	}
	if _, err := rpc.Call(ctx, admin, contract.GetTask, contract.TaskIDRequest{TaskID: "a"}); rpc.CodeOf(err) != rpc.NotFound {
		t.Errorf("an overheard call took effect again: %v", err)
	}

	// Records: those of the services are taken, a forged one is not.
	if err := w.operator.Publish(ctx, contract.RecordsQueue, []byte(`{"id":"0190a7d4-5c3e-7cc1-9d0b-2a5d5b7c1f10","kind":"event"}`)); err != nil {
		t.Fatal(err)
	}
	w.eventually("the forged record is dropped", func() bool {
		return strings.Contains(w.log.tail(1000), "a message without the cloud's seal is dropped")
	})
	if log := w.log.tail(1000); strings.Contains(log, "is not of this cloud's key") {
		t.Errorf("the services do not believe each other: %s", log)
	}
	// What waits for the broker has its folder.
	for _, service := range []string{app.UserManager, app.CloudGateway, app.CloudTaskManager} {
		if _, err := os.Stat(filepath.Join(data, "outbox", service, contract.RecordsQueue)); err != nil {
			t.Error(err)
		}
	}
}
