package amqpx

import (
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

// How each kind of queue is declared: peers declare the wire's in one way only, and a
// service's own function is no peer's.
func TestDeclarations(t *testing.T) {
	for _, tc := range []struct {
		name              string
		compat, quorum    bool
		durable, quorumed bool
		expires           bool
	}{
		{contract.CreateTask.Name, false, false, true, false, false},
		{contract.CreateTask.Name, false, true, true, true, false},
		{contract.CreateTask.Name, true, true, false, false, false},
		{contract.RecordsQueue, true, true, true, true, false},
		{contract.OwnedTaskPrefix + "x", false, false, true, false, true},
		{contract.OwnedTaskPrefix + "x", false, true, true, true, true},
		{contract.OwnedTaskPrefix + "x", true, false, true, false, true},
	} {
		d := Options{Compat: tc.compat, Quorum: tc.quorum}.declarationOf(tc.name)
		_, expires := d.args["x-expires"]
		if d.durable != tc.durable || (d.args["x-queue-type"] == "quorum") != tc.quorumed || expires != tc.expires {
			t.Errorf("%s (compat %t, quorum %t) is %+v", tc.name, tc.compat, tc.quorum, d)
		}
	}
}
