package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// serve runs a client's task manager that is none, until the test ends, over a
// transport that may be wrapped.
func (b *brokers) serve(side string, wrap ...func(rpc.Transport) rpc.Transport) {
	b.t.Helper()
	tr, err := amqpx.New(amqpx.Options{Host: "127.0.0.1", Port: b.ports[side]})
	if err != nil {
		b.t.Fatal(err)
	}
	schemas, err := contract.CompileSchemas()
	if err != nil {
		b.t.Fatal(err)
	}
	over := rpc.Transport(tr)
	for _, f := range wrap {
		over = f(over)
	}
	s, err := baseservice.New(baseservice.Options{Name: "fake", Version: "v1", Transport: over, Schemas: schemas})
	if err != nil {
		b.t.Fatal(err)
	}
	baseservice.Handle(s, contract.ClientStatus, func(context.Context, contract.None) (contract.ClientState, error) {
		return contract.ClientState{UserID: "car-7", Policy: "one", Running: []contract.Execution{{TaskID: "digits", State: "running", PID: 7, Started: 1}},
			Quarantined: []contract.QuarantinedFor{{TaskID: "bad", Reason: "it\ncrashed", Until: 2}}}, nil
	})
	baseservice.Handle(s, contract.ReleaseTask, func(_ context.Context, req contract.TaskIDRequest) (contract.None, error) {
		switch req.TaskID {
		case "bad":
			return contract.None{}, nil
		case "slow":
			time.Sleep(1500 * time.Millisecond)
		}
		return contract.None{}, rpc.Errorf(rpc.NotFound, "task %s is not in quarantine", req.TaskID)
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- tr.Run(ctx) }()
	go func() { done <- s.Run(ctx) }()
	b.t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-done; err != nil {
				b.t.Error(err)
			}
		}
	})
	select {
	case <-s.Started():
	case <-time.After(10 * time.Second):
		b.t.Fatal("the service does not start")
	}
}

func TestOverTheBroker(t *testing.T) {
	b := newBrokers(t, clientSide)
	b.serve(clientSide)
	for _, tc := range []struct {
		args string
		code int
		out  string
		err  string
	}{
		{"client status", exitOK, "client      car-7", ""},
		{"client status", exitOK, "digits  running  7", ""},
		{"client status", exitOK, "bad   -", ""},
		{"client status --format json", exitOK, `"user_id": "car-7"`, ""},
		{"client release bad", exitOK, "", "released task bad"},
		{"client release other", exitFailed, "", "task other is not in quarantine"},
		{"call rpc_exec_client_status --broker client", exitOK, "  \"user_id\": \"car-7\",\n", ""},
		{"call rpc_exec_release_task --broker client", exitUsage, "", "cannot be executed due to invalid arguments"},
		{`call rpc_exec_release_task {"task_id":"bad"} --broker client`, exitOK, "null\n", ""},
		{`call rpc_exec_release_task {"task_id":"slow"} --broker client --set rpc.timeout=1`, exitTimeout, "", "deadline"},
		{"call rpc_exec_none --broker client", exitUnreachable, "", "nobody serves rpc_exec_none"},
		{"call rpc_exec_client_status --broker client --set client.broker.password=wrong", exitUnreachable, "", "agata doctor looks at it"},
		{"services --broker client", exitOK, "fake  ", ""},
		{"services --broker client --format json", exitOK, `"name": "fake"`, ""},
		{"services", exitUnreachable, "", "the cloud's broker"},
	} {
		r := b.agata(strings.Fields(tc.args)...)
		if r.code != tc.code || !strings.Contains(r.out, tc.out) || !strings.Contains(r.err, tc.err) {
			t.Errorf("agata %s: got %+v", tc.args, r)
		}
		if tc.code != exitOK && r.out != "" {
			t.Errorf("agata %s: an error on standard output: %q", tc.args, r.out)
		}
	}
}

// Who can read the cloud's key calls its services as an admin.
func TestCallWithTheKey(t *testing.T) {
	b := newBrokers(t, cloudSide)
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"key": strings.Repeat("5e", 32), "other": strings.Repeat("6e", 32), "bad": "5e"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := rpc.LoadKey("key")
	if err != nil {
		t.Fatal(err)
	}
	b.serve(cloudSide, func(tr rpc.Transport) rpc.Transport {
		return rpc.Sealed(tr, rpc.SealOptions{Key: key, Self: rpc.Identity{Kind: rpc.Service, Name: "fake"}})
	})
	const call = "call rpc_exec_client_status "
	for _, tc := range []struct {
		args string
		code int
		err  string
	}{
		{call + "--set auth.key_file=$PWD/key", exitOK, ""},
		{call, exitUnreachable, "needs credentials"},
		{call + "--set auth.key_file=$PWD/key --set auth.mode=off", exitUnreachable, "needs credentials"},
		{call + "--set auth.key_file=$PWD/bad", exitFailed, "64 hexadecimal digits"},
		{call + "--set auth.key_file=$PWD/other --set rpc.timeout=1", exitTimeout, "auth.key_file"},
		{"services", exitOK, ""},
	} {
		r := b.agata(strings.Fields(strings.ReplaceAll(tc.args, "$PWD", dir))...)
		if r.code != tc.code || !strings.Contains(r.err, tc.err) || tc.code == exitOK && r.out == "" {
			t.Errorf("agata %s: got %+v", tc.args, r)
		}
	}
}

func TestServicesOfABrokerWithoutAny(t *testing.T) {
	b := newBrokers(t, cloudSide)
	r := b.agata("services", "--format", "json")
	if r.code != exitOK || r.out != "[]\n" || !strings.Contains(r.err, "no service answered at the cloud's broker") {
		t.Errorf("got %+v", r)
	}
}

func TestArgument(t *testing.T) {
	for _, tc := range []struct {
		args []string
		in   string
		want string // "" for an error
	}{
		{nil, "", "{}"},
		{[]string{`{"a": 12345678901234567890}`}, "", `{"a": 12345678901234567890}`},
		{[]string{"-"}, ` {"a": 1}` + "\n", ` {"a": 1}` + "\n"},
		{[]string{"-"}, "", ""},
		{[]string{""}, "", ""},
		{[]string{"null"}, "", ""},
		{[]string{"[]"}, "", ""},
		{[]string{`{} {}`}, "", ""},
		{[]string{"-"}, "{" + strings.Repeat(" ", maxArgument) + "}", ""},
	} {
		c := &cli{in: strings.NewReader(tc.in)}
		got, err := c.argument(tc.args)
		if tc.want == "" {
			if exitCode(err) != exitUsage {
				t.Errorf("%.20q: got %.20q, %v", tc.args, got, err)
			}
			continue
		}
		if err != nil || string(got) != tc.want {
			t.Errorf("%q: got %q, %v", tc.args, got, err)
		}
	}
}

func TestPrintRawKeepsNumbers(t *testing.T) {
	var out bytes.Buffer
	c := &cli{out: &out}
	for _, value := range []string{`12345678901234567890.5`, ``, `"a\u00e4"`} {
		if err := c.printRaw(json.RawMessage(value)); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.String(); got != "12345678901234567890.5\nnull\n\"a\\u00e4\"\n" {
		t.Errorf("got %q", got)
	}
	if err := c.printRaw(json.RawMessage("{")); err == nil {
		t.Error("something else than JSON was printed")
	}
}
