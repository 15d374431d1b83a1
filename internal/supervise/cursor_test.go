package supervise

import "testing"

func TestCursor(t *testing.T) {
	folder := t.TempDir()
	c, err := openCursor(folder)
	if err != nil {
		t.Fatal(err)
	}
	commit := func(s Stream, next int64) {
		t.Helper()
		if err := c.commit(s, next); err != nil {
			t.Fatal(err)
		}
	}
	check := func(stdout, stderr, report int64) {
		t.Helper()
		again, err := openCursor(folder) // as another manager would see it
		if err != nil {
			t.Fatal(err)
		}
		for s, want := range map[Stream]int64{Stdout: stdout, Stderr: stderr, Report: report} {
			if got := again.offset(s); got != want {
				t.Errorf("%s is at %d, want %d", s, got, want)
			}
		}
	}
	check(0, 0, 0)
	commit(Report, 10)
	check(0, 0, 10)
	commit(Stdout, 1<<40)
	commit(Report, 5) // never back
	check(1<<40, 0, 10)
	c.close()
	commit(Stderr, 7) // after the end
	check(1<<40, 7, 10)
}
