package usermanager

import (
	"context"
	"testing"

	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func BenchmarkGet(b *testing.B) {
	tr := brokertest.Connect(b, brokertest.Embedded(b))
	serve(b, b.TempDir(), tr, false)
	ctx := context.Background()
	if _, err := rpc.Call(ctx, tr, contract.UpdateUser, contract.UpdateUserRequest{UserID: "u", Sensors: &[]string{"camera", "ecu"}}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := rpc.Call(ctx, tr, contract.GetUser, contract.UserIDRequest{UserID: "u"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	tr := brokertest.Connect(b, brokertest.Embedded(b))
	serve(b, b.TempDir(), tr, false)
	req := contract.UpdateUserRequest{UserID: "u", Sensors: &[]string{"camera", "ecu"}, Attributes: map[string]any{"gpu": true}}
	for b.Loop() {
		if _, err := rpc.Call(context.Background(), tr, contract.UpdateUser, req); err != nil {
			b.Fatal(err)
		}
	}
}
