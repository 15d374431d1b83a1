package chaos

import (
	"testing"

	"github.com/agata-fl/agata/pkg/rpc"
)

// The wire has two statuses for failures: whether one is for good is told by its
// code, if there is one.
func TestRefusalsThatSayNothing(t *testing.T) {
	for _, tc := range []struct {
		refused
		unsure bool
	}{
		{refused{status: 503}, true},
		{refused{status: 429}, true},
		{refused{status: 500, code: rpc.Unavailable}, true},
		{refused{status: 500, code: rpc.Deadline}, true},
		{refused{status: 500}, false},
		{refused{status: 409}, false},
		{refused{status: 400, code: rpc.Invalid}, false},
		{refused{status: 500, code: rpc.Conflict}, false},
	} {
		if got := tc.refused.unsure(); got != tc.unsure {
			t.Errorf("%+v is unsure: %t", tc.refused, got)
		}
	}
}
