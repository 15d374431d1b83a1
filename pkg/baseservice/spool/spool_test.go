package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// opened opens a spool and counts what it loses.
func opened(t *testing.T, folder string, most int64) (s *Spool, lost *int) {
	t.Helper()
	lost = new(int)
	s, err := Open(Options{Folder: folder, MaxBytes: most, Lost: func(n int, _ string) { *lost += n }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, lost
}

func put(t *testing.T, s *Spool, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := s.Append(fmt.Appendf(nil, "message %d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

// take reads and confirms all that is there, n at a time.
func take(t *testing.T, s *Spool, n int) (all []string) {
	t.Helper()
	for {
		b := s.Next(n)
		if len(b.Messages) == 0 {
			return all
		}
		for _, m := range b.Messages {
			all = append(all, string(m))
		}
		if err := s.Confirm(b); err != nil {
			t.Fatal(err)
		}
	}
}

func wanted(from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("message %d", i))
	}
	return all
}

func segments(t *testing.T, folder string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(folder, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What was not confirmed is there for the next, in its order; what was is not.
func TestWhatIsNotConfirmedStays(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	s, _ := opened(t, folder, 0)
	put(t, s, 0, 10)
	b := s.Next(4)
	if len(b.Messages) != 4 || string(b.Messages[3]) != "message 3" {
		t.Fatalf("got %q", b.Messages)
	}
	if err := s.Confirm(b); err != nil {
		t.Fatal(err)
	}
	s.Next(3) // not confirmed
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		s, _ = opened(t, folder, 0)
		put(t, s, 10+round, 11+round)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, lost := opened(t, folder, 0)
	if n := s.Len(); n != 9 {
		t.Errorf("%d messages wait, want 9", n)
	}
	if got := take(t, s, 2); !slices.Equal(got, wanted(4, 13)) || *lost != 0 {
		t.Errorf("got %q, lost %d", got, *lost)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := segments(t, folder); len(left) != 0 {
		t.Errorf("files are left though all is confirmed: %q", left)
	}
	s, _ = opened(t, folder, 0)
	put(t, s, 20, 21)
	if got := take(t, s, 9); !slices.Equal(got, wanted(20, 21)) {
		t.Errorf("got %q", got)
	}
}

// Beyond the bound the oldest go, and are counted.
func TestTheOldestGo(t *testing.T) {
	folder := t.TempDir()
	s, lost := opened(t, folder, 64<<10)
	const n = 20_000
	put(t, s, 0, n)
	var size int64
	for _, path := range segments(t, folder) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 64<<10 || size < 48<<10 {
		t.Errorf("the files have %d bytes", size)
	}
	got := take(t, s, 100)
	if *lost == 0 || len(got)+*lost != n || !slices.Equal(got, wanted(*lost, n)) {
		t.Errorf("%d messages, %d lost of %d", len(got), *lost, n)
	}
	if s.Len() != 0 {
		t.Errorf("%d are left", s.Len())
	}
}

// A batch that is being published when its segment goes is confirmed without harm.
func TestABatchWhoseSegmentGoes(t *testing.T) {
	s, lost := opened(t, t.TempDir(), 64<<10)
	put(t, s, 0, 10)
	b := s.Next(5)
	put(t, s, 10, 10_000)
	if err := s.Confirm(b); err != nil {
		t.Fatal(err)
	}
	if got := take(t, s, 100); len(got)+*lost != 10_000 || !slices.Equal(got, wanted(*lost, 10_000)) {
		t.Errorf("%d messages, %d lost", len(got), *lost)
	}
}

// However a file is torn or damaged, what is whole comes out and nothing stops.
func TestDamage(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func([]byte) []byte
		want  []string
		lost  int
	}{
		"whole":            {func(b []byte) []byte { return b }, wanted(0, 6), 0},
		"torn":             {func(b []byte) []byte { return b[:len(b)-3] }, wanted(0, 5), 0},
		"torn to nothing":  {func([]byte) []byte { return nil }, nil, 0},
		"a flipped bit":    {func(b []byte) []byte { b[12] ^= 4; return b }, wanted(1, 6), 1},
		"a lost line feed": {func(b []byte) []byte { return bytes.Replace(b, []byte("\n"), []byte("."), 1) }, wanted(2, 6), 1},
		"zeros at the end": {func(b []byte) []byte { return append(b, make([]byte, 5000)...) }, wanted(0, 6), 0},
		"zeros in front":   {func(b []byte) []byte { return append(append(make([]byte, 3<<20), '\n'), b...) }, wanted(0, 6), 1},
		"a line of a MiB":  {func(b []byte) []byte { return append(appendLine(nil, bytes.Repeat([]byte("x"), MaxMessage)), b...) }, append([]string{strings.Repeat("x", MaxMessage)}, wanted(0, 6)...), 0},
		"all of it":        {func(b []byte) []byte { return bytes.Repeat([]byte("\n"), 100) }, nil, 100},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			s, _ := opened(t, folder, 8<<20)
			put(t, s, 0, 6)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			path := segments(t, folder)[0]
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, tc.spoil(whole), 0o600); err != nil {
				t.Fatal(err)
			}
			s, lost := opened(t, folder, 8<<20)
			put(t, s, 6, 8)
			if got, want := take(t, s, 4), append(tc.want, wanted(6, 8)...); !slices.Equal(got, want) {
				t.Errorf("got %d messages %.200q", len(got), got)
			}
			if *lost != tc.lost || s.Len() != 0 {
				t.Errorf("%d are counted as lost, want %d; %d are left", *lost, tc.lost, s.Len())
			}
		})
	}
}

// Without the place of what was confirmed, all that is there comes again.
func TestTheConfirmedPlaceIsDamaged(t *testing.T) {
	for name, spoil := range map[string]func(string) error{
		"gone":      os.Remove,
		"empty":     func(p string) error { return os.Truncate(p, 0) },
		"damaged":   func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("9"), 50), 0o600) },
		"elsewhere": func(p string) error { return os.WriteFile(p, appendLine(nil, []byte("1 -5")), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			s, _ := opened(t, folder, 0)
			put(t, s, 0, 6)
			if err := s.Confirm(s.Next(4)); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := spoil(filepath.Join(folder, placeName)); err != nil {
				t.Fatal(err)
			}
			s, _ = opened(t, folder, 0)
			if got := take(t, s, 10); !slices.Equal(got, wanted(0, 6)) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// A file that vanishes or becomes unreadable under the spool's hands is given up.
func TestAFileVanishes(t *testing.T) {
	folder := t.TempDir()
	s, lost := opened(t, folder, 64<<10)
	put(t, s, 0, 1000) // in several files
	if err := os.Remove(segments(t, folder)[0]); err != nil {
		t.Fatal(err)
	}
	got := take(t, s, 100)
	if *lost == 0 || !slices.Equal(got, wanted(*lost, 1000)) {
		t.Errorf("%d messages, lost %d", len(got), *lost)
	}
}

func TestOneProcessAFolder(t *testing.T) {
	folder := t.TempDir()
	s, _ := opened(t, folder, 0)
	if _, err := Open(Options{Folder: folder}); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), folder) {
		t.Errorf("a second one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append([]byte("late")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after the close: %v", err)
	}
	opened(t, folder, 0)
}

func TestLimits(t *testing.T) {
	s, _ := opened(t, t.TempDir(), 1)
	if kept, err := s.Append([]byte("a"), make([]byte, MaxMessage+1), []byte("b")); kept != 1 || !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d, %v", kept, err)
	}
	if got := take(t, s, 9); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %q", got)
	}
	if _, err := Open(Options{Folder: "/dev/null/x"}); err == nil {
		t.Error("a folder that cannot be")
	}
}

// Many append while one reads: each message comes once, those of one in order.
func TestConcurrently(t *testing.T) {
	s, lost := opened(t, t.TempDir(), 0)
	const writers, each = 8, 500
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if _, err := s.Append(fmt.Appendf(nil, "%d %d", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	next := [writers]int{}
	for total := 0; total < writers*each; {
		for _, m := range take(t, s, 7) {
			var w, i int
			if _, err := fmt.Sscanf(m, "%d %d", &w, &i); err != nil || i != next[w] {
				t.Fatalf("%q came, want number %d of it, %v", m, next[w], err)
			}
			next[w]++
			total++
		}
		select {
		case <-done:
			if s.Len() == 0 && total < writers*each {
				t.Fatalf("%d of %d came", total, writers*each)
			}
		default:
		}
	}
	<-done
	if *lost != 0 {
		t.Errorf("%d are lost", *lost)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(nil), 3)
	f.Add(appendLine(appendLine(nil, []byte("one")), []byte("two")), 1)
	f.Add([]byte("00000000 \n0000000 x\n\n"), 10)
	f.Fuzz(func(t *testing.T, piece []byte, most int) {
		messages, used, lost := split(piece, most)
		if used < 0 || used > len(piece) || len(messages) > max(most, 0) || len(messages)+lost != bytes.Count(piece[:used], []byte("\n")) {
			t.Fatalf("%d messages, %d used, %d lost of %q", len(messages), used, lost, piece)
		}
		for _, m := range messages {
			if back, _, _ := split(appendLine(nil, m), 1); len(back) != 1 || !bytes.Equal(back[0], m) {
				t.Fatalf("%q does not come back: %q", m, back)
			}
		}
	})
}

// What one confirmed place costs is part of every batch.
func BenchmarkAppend(b *testing.B) {
	s, err := Open(Options{Folder: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	message := bytes.Repeat([]byte("x"), 300)
	for b.Loop() {
		if _, err := s.Append(message); err != nil {
			b.Fatal(err)
		}
	}
}
