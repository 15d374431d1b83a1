package baseservice_test

import (
	"context"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// captured is a transport that serves nothing, and keeps what it was to serve.
type captured struct {
	rpc.Transport
	endpoints []rpc.Endpoint
}

// Serve implements rpc.Transport.
func (c *captured) Serve(_ context.Context, o rpc.ServeOptions) error {
	c.endpoints = o.Endpoints
	return nil
}

// A call makes no more garbage than this between the transport and the function, in
// both directions.
func TestAllocations(t *testing.T) {
	const most = 46 // 38, and what the race detector has pools forget
	c := &captured{}
	schemas, err := contract.CompileSchemas()
	if err != nil {
		t.Fatal(err)
	}
	s, err := baseservice.New(baseservice.Options{Name: "bench", Transport: c, Schemas: schemas})
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	baseservice.Handle(s, contract.GetUser, func(context.Context, contract.UserIDRequest) (contract.User, error) {
		ran++
		return contract.User{}, nil
	})
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m := &rpc.Message{Function: contract.GetUser.Name, Body: []byte(`{"user_id":"ada"}`), MessageID: "m"}
	got := testing.AllocsPerRun(100, func() { c.endpoints[0].Handle(ctx, m) })
	t.Logf("%g allocations a call", got)
	if ran < 100 {
		t.Fatalf("the function ran %d times", ran)
	}
	if got > most {
		t.Errorf("%g allocations a call, more than %d", got, most)
	}
}

// Unchecked takes what the schema would refuse.
func TestUnchecked(t *testing.T) {
	c := &captured{}
	schemas, err := contract.CompileSchemas()
	if err != nil {
		t.Fatal(err)
	}
	s, err := baseservice.New(baseservice.Options{Name: "bench", Transport: c, Schemas: schemas})
	if err != nil {
		t.Fatal(err)
	}
	echo := contract.Function[contract.UserIDRequest, contract.UserIDRequest]{Name: "without_a_schema"}
	baseservice.Handle(s, echo, func(_ context.Context, req contract.UserIDRequest) (contract.UserIDRequest, error) { return req, nil }, baseservice.Unchecked())
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	reply := c.endpoints[0].Handle(t.Context(), &rpc.Message{Function: echo.Name, Body: []byte(`{"user_id":"ada","more":1}`)})
	if want := `{"status_code":200,"return":{"user_id":"ada"}}`; string(reply.Body) != want {
		t.Errorf("got %s", reply.Body)
	}
	reply = c.endpoints[0].Handle(t.Context(), &rpc.Message{Function: echo.Name, Body: []byte(`{"user_id":1}`)})
	if reply.Code != string(rpc.Invalid) {
		t.Errorf("got %s", reply.Body)
	}
}
