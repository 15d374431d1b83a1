package cloudtaskmanager

import (
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

// FuzzOrder: a cursor of a list is taken in its own order only, and leads to the
// place that it names.
func FuzzOrder(f *testing.F) {
	for _, s := range []string{"", "a", "~1", "~", "~-9223372036854775808", "~1 OR 1=1", "\x00", "~~1"} {
		f.Add(true, s)
		f.Add(false, s)
	}
	f.Fuzz(func(t *testing.T, newest bool, after string) {
		name := ""
		if newest {
			name = contract.OrderNewest
		}
		o, err := orderOf(name, after)
		if err != nil || after == "" {
			return
		}
		switch place := o.after.(type) {
		case int64:
			if again, err := orderOf(name, o.cursor(&task{seq: place})); err != nil || again != o || !newest {
				t.Errorf("%q: %v, %v", after, again, err)
			}
		case string:
			if place != after || newest {
				t.Errorf("%q: %q", after, place)
			}
		default:
			t.Errorf("%q leads to %v", after, place)
		}
	})
}
