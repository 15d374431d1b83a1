package rpc_test

import (
	"testing"

	"github.com/agata-fl/agata/pkg/rpc"
)

// What each call passes through makes no more garbage than this.
func TestAllocations(t *testing.T) {
	reply := rpc.Reply{Body: rpc.EncodeReturn([]byte(`{"ID":"ada","data_qnt":60,"sensors":["camera","ecu"]}`))}
	for name, budget := range map[string]struct {
		most float64
		run  func()
	}{
		"EncodeReturn": {1, func() { rpc.EncodeReturn([]byte("null")) }},
		"Decode":       {0, func() { _, _ = rpc.Decode(reply) }},
		"NewTrace":     {2, func() { rpc.NewTrace() }},
	} {
		if got := testing.AllocsPerRun(200, budget.run); got > budget.most {
			t.Errorf("%s: %g allocations, more than %g", name, got, budget.most)
		}
	}
}

// An answer as AGATA writes it and the same one as others do are read alike.
func TestDecodeOfAnswersOfBothKinds(t *testing.T) {
	for body, want := range map[string]string{
		`{"status_code":200,"return":{"a":1}}`:     `{"a":1}`,
		`{"status_code": 200, "return": {"a": 1}}`: `{"a": 1}`,
		`{"return":null,"status_code":200}`:        `null`,
		`{"status_code":200,"return":"}"}`:         `"}"`,
	} {
		got, err := rpc.Decode(rpc.Reply{Body: []byte(body)})
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", body, got, err)
		}
	}
	for _, body := range []string{`{"status_code":200,"return":}`, `{"status_code":200,"return":1}}`, `{"status_code":200,"return":1`, `{"status_code":200,"return":1 2}`} {
		if got, err := rpc.Decode(rpc.Reply{Body: []byte(body)}); rpc.CodeOf(err) != rpc.Internal {
			t.Errorf("%s: %s, %v", body, got, err)
		}
	}
}
