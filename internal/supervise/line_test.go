package supervise

import (
	"bytes"
	"strings"
	"testing"
)

// cut splits data fed in pieces of the given size.
func cutAll(data []byte, size int) []Line {
	s := newSplitter(Stdout, 0)
	var lines []Line
	for len(data) > 0 {
		piece := data[:min(size, len(data))]
		data = data[len(piece):]
		for len(piece) > 0 {
			n, line, complete := s.feed(piece)
			piece = piece[n:]
			if complete {
				lines = append(lines, line)
			}
		}
	}
	if line, ok := s.rest(); ok {
		lines = append(lines, line)
	}
	return lines
}

func TestSplitter(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	for name, c := range map[string]struct {
		data string
		want []Line
	}{
		"nothing":       {"", nil},
		"two lines":     {"a\nbc\n", []Line{{Text: "a", next: 2}, {Text: "bc", Offset: 2, next: 5}}},
		"empty line":    {"\n", []Line{{next: 1}}},
		"half a line":   {"a\nb", []Line{{Text: "a", next: 2}, {Text: "b", Offset: 2, Partial: true, next: 3}}},
		"carriage":      {"a\r\n", []Line{{Text: "a", next: 3}}},
		"just fits":     {long + "\n", []Line{{Text: long, next: MaxLine + 1}}},
		"one too long":  {long + "y\nz\n", []Line{{Text: long, Cut: true, next: MaxLine + 2}, {Text: "z", Offset: MaxLine + 2, next: MaxLine + 4}}},
		"long and half": {long + "yyy", []Line{{Text: long, Cut: true, Partial: true, next: MaxLine + 3}}},
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			got := cutAll([]byte(c.data), size)
			if len(got) != len(c.want) {
				t.Errorf("%s by %d: %d lines, want %d", name, size, len(got), len(c.want))
				continue
			}
			for i, want := range c.want {
				if want.Stream = Stdout; got[i] != want {
					t.Errorf("%s by %d: line %d at %d: cut %v, partial %v, next %d", name, size, i, got[i].Offset, got[i].Cut, got[i].Partial, got[i].next)
				}
			}
		}
	}
}

func TestSplitterJumpsOverAHole(t *testing.T) {
	s := newSplitter(Stdout, 0)
	s.feed([]byte("beginning of a li")) // held, 17 bytes
	s.jump(100)
	data := []byte("its end\nnext\n")
	n, _, complete := s.feed(data)
	if complete || n != 8 {
		t.Fatalf("the rest of a torn line is given: %d, %v", n, complete)
	}
	_, line, complete := s.feed(data[n:])
	if want := (Line{Stream: Stdout, Text: "next", Offset: 108, Skipped: 108, next: 113}); !complete || line != want {
		t.Errorf("%+v", line)
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"), uint8(2))
	f.Add([]byte("\r\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		whole, pieces := cutAll(data, len(data)+1), cutAll(data, int(size)+1)
		if len(whole) != len(pieces) {
			t.Fatalf("%d lines at once, %d in pieces", len(whole), len(pieces))
		}
		var next int64
		for i, line := range whole {
			if line != pieces[i] {
				t.Fatalf("line %d differs: %+v, %+v", i, line, pieces[i])
			}
			if line.Offset != next || !bytes.HasPrefix(data[line.Offset:], []byte(line.Text)) {
				t.Fatalf("line %d is not at its offset: %+v", i, line)
			}
			next = line.next
		}
		if next != int64(len(data)) {
			t.Fatalf("the lines end at %d of %d", next, len(data))
		}
	})
}
