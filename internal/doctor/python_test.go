package doctor

import (
	"os"
	"regexp"
	"testing"
)

func TestCompareVersions(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"3.10", "3.9.18", 1}, {"3.10", "3.10.0", 0}, {"3.9", "3.10", -1}, {"1.41.0", "1.41", 0},
		{"1.41.0rc1", "1.41.0", 0}, {"1.41rc1.9", "1.41", 0}, {"", "0", 0}, {"", "1", -1}, {"nightly", "1.41", -1}, {"2", "1.42", 1},
		{"99999999999999999999.1", "3", 1},
	} {
		got := compareVersions(tc.a, tc.b)
		if got < 0 != (tc.want < 0) || got > 0 != (tc.want > 0) {
			t.Errorf("%q against %q: got %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

// The range is that of the file which the mend installs.
func TestRangeHoldsWhatRequirementsPin(t *testing.T) {
	b, err := os.ReadFile("../../experiments/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^flwr==(\S+)`).FindSubmatch(b)
	if m == nil || !flwrRange.holds(string(m[1])) {
		t.Errorf("experiments/requirements.txt pins %q, the range is %s", m, flwrRange)
	}
}
