package audit

import "testing"

// FuzzParseHead: a head that is read is written as it was.
func FuzzParseHead(f *testing.F) {
	f.Add(Head{}.String())
	f.Add("12:0a4f0a4f0a4f0a4f0a4f0a4f0a4f0a4f0a4f0a4f0a4f0a4f0a4f0a4f0a4f0a4f")
	f.Add("-1:")
	f.Add("+1:")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseHead(text)
		if err != nil {
			return
		}
		if again, err := ParseHead(h.String()); err != nil || again != h {
			t.Errorf("%q: %v, then %v, %v", text, h, again, err)
		}
	})
}
