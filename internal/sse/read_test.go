package sse

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func read(t testing.TB, r io.Reader) (got []string, err error) {
	t.Helper()
	err = Read(r, func(d time.Duration) { got = append(got, fmt.Sprintf("retry %s", d)) }, func(m Message) error {
		if m.Data == nil {
			got = append(got, "id "+m.ID)
			return nil
		}
		got = append(got, fmt.Sprintf("%s/%s/%s", m.Event, m.ID, m.Data))
		return nil
	})
	return got, err
}

func TestMessages(t *testing.T) {
	for name, tc := range map[string]struct{ stream, want string }{
		"nothing":                {"", ""},
		"one":                    {"data: x\n\n", "message//x"},
		"named":                  {"event: round\nid: 7\ndata: {}\n\n", "round/7/{}"},
		"an id stays":            {"id: 7\ndata: a\n\ndata: b\n\n", "message/7/a|message/7/b"},
		"an id alone":            {"id: 7\n\ndata: b\n\n", "id 7|message/7/b"},
		"an empty id":            {"id: 7\ndata: a\n\nid\ndata: b\n\n", "message/7/a|message//b"},
		"an id with NUL":         {"id: 7\x00\ndata: a\n\n", "message//a"},
		"lines of data":          {"data: a\ndata:b\ndata\ndata:  c\n\n", "message//a\nb\n\n c"},
		"empty data":             {"data\n\n", "message//"},
		"comments":               {": ping\n\n:x\ndata: a\n: y\n\n", "message//a"},
		"carriage returns":       {"data: a\r\rdata: b\r\r", "message//a|message//b"},
		"both":                   {"data: a\r\n\r\ndata: b\r\n\r\n", "message//a|message//b"},
		"a byte order mark":      {"\ufeffdata: a\n\n", "message//a"},
		"unknown fields":         {"colour: red\ndatum: x\ndata: a\n\n", "message//a"},
		"retry":                  {"retry: 250\nretry: x\nretry: -1\ndata: a\n\n", "retry 250ms|message//a"},
		"broken off":             {"data: a\n\ndata: b\n", "message//a"},
		"broken off in a line":   {"data: a\n\ndata: b", "message//a"},
		"an event without data":  {"event: x\n\ndata: a\n\n", "message//a"},
		"colons in data":         {"data: a:b: c\n\n", "message//a:b: c"},
		"an event without name":  {"event\ndata: a\n\n", "message//a"},
		"empty lines in between": {"\n\n\ndata: a\n\n\n", "message//a"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tc.stream), iotest.OneByteReader(strings.NewReader(tc.stream))} {
				got, err := read(t, r)
				if err != io.EOF || strings.Join(got, "|") != tc.want {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
}

// A message is there with its last byte, whatever the line's end: a reader that
// waits for the next byte would wait for the next message.
func TestMessagesComeAtOnce(t *testing.T) {
	for _, end := range []string{"\n", "\r", "\r\n"} {
		r, w := io.Pipe()
		came := make(chan string, 1)
		done := make(chan error, 1)
		go func() {
			done <- Read(r, func(time.Duration) {}, func(m Message) error { came <- string(m.Data); return nil })
		}()
		if _, err := io.WriteString(w, "data: x"+end+end); err != nil {
			t.Fatal(err)
		}
		select {
		case <-came:
		case <-time.After(20 * time.Second):
			t.Errorf("with %q it did not come", end)
		}
		_ = w.Close()
		<-done
	}
}

func TestMessagesAreBounded(t *testing.T) {
	line := "data: " + strings.Repeat("x", maxMessage/4) + "\n"
	for _, stream := range []string{"data: " + strings.Repeat("x", maxMessage+1) + "\n\n", strings.Repeat(line, 5) + "\n"} {
		if got, err := read(t, strings.NewReader(stream)); err == nil || err == io.EOF || len(got) != 0 {
			t.Errorf("%d messages, %v", len(got), err)
		}
	}
}

func TestMessagesEndWithTheReaderAndTheHandler(t *testing.T) {
	broken := errors.New("broken")
	if _, err := read(t, io.MultiReader(strings.NewReader("data: x\n"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	enough := errors.New("enough")
	err := Read(strings.NewReader("data: x\n\ndata: y\n\n"), nil, func(Message) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

// However a stream is cut into pieces, the messages are the same, and no field of
// one holds a line's end but data.
func FuzzMessages(f *testing.F) {
	for _, s := range []string{"data: x\n\n", "id: 1\revent: a\r\n: c\n\ndata\n\n", "retry: 5\ndata: \x00\n\n", "\ufeff\ufeffdata: a\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		stream = stream[:min(len(stream), 1<<12)] // longer ones only take longer
		whole, err := read(t, strings.NewReader(stream))
		pieces, err2 := read(t, iotest.OneByteReader(strings.NewReader(stream)))
		if strings.Join(whole, "|") != strings.Join(pieces, "|") || err != err2 {
			t.Errorf("whole %q (%v), in pieces %q (%v)", whole, err, pieces, err2)
		}
		_ = Read(strings.NewReader(stream), func(time.Duration) {}, func(m Message) error {
			if strings.ContainsAny(m.Event+m.ID, "\r\n") || strings.Contains(m.ID, "\x00") || strings.Contains(string(m.Data), "\r") {
				t.Errorf("got %+v", m)
			}
			return nil
		})
	})
}
