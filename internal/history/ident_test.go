package history

import "testing"

func FuzzIdentsComeBack(f *testing.F) {
	for _, id := range []string{"", "x", "01890000-0000-7000-8000-000000000001", "01890000-0000-7000-8000-00000000000A", "{1890000-0000-7000-8000-000000000001}",
		"0af7651916cd43dd8448eb211c80319c", "0AF7651916CD43DD8448EB211C80319C", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if got := unpackID(packID(id)); got != id {
			t.Errorf("id %q came back as %q", id, got)
		}
		if got := unpackTrace(packTrace(id)); got != id {
			t.Errorf("trace %q came back as %q", id, got)
		}
	})
}
