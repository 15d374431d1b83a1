package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/agata-fl/agata/pkg/rpc"
)

var testKey = bytes.Repeat([]byte{7}, 32)

// written makes a log of n entries and returns its path.
func written(t *testing.T, key []byte, n int) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, key, n)
	return filepath.Join(dir, "svc.jsonl")
}

func write(t *testing.T, dir string, key []byte, n int) {
	t.Helper()
	l, err := Open(dir, "svc", key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := l.Append(Entry{Who: rpc.Identity{Kind: rpc.Operator, Name: "ada", Role: "admin"}, Action: "start", On: fmt.Sprint("task-", i), Outcome: OK}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestALogInOrder(t *testing.T) {
	for name, key := range map[string][]byte{"with a key": testKey, "without": nil} {
		t.Run(name, func(t *testing.T) {
			path := written(t, key, 3)
			middle, err := Verify(path, key, Head{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Dir(path), key, 2) // after a restart it goes on
			var on []string
			r, err := Verify(path, key, middle.Head, func(e Entry) error { on = append(on, e.On); return nil })
			if err != nil || r.Entries != 5 || r.Head.Seq != 5 {
				t.Fatalf("%+v, %v", r, err)
			}
			if want := []string{"task-0", "task-1", "task-2", "task-0", "task-1"}; !slices.Equal(on, want) {
				t.Errorf("entries on %q", on)
			}
			if want := map[bool]int64{true: 0, false: 5}[key != nil]; r.Unkeyed != want {
				t.Errorf("%d entries without a key", r.Unkeyed)
			}
			if h, err := ParseHead(r.Head.String()); err != nil || h != r.Head {
				t.Errorf("the head %s came back as %v, %v", r.Head, h, err)
			}
		})
	}
}

// Every change of a single byte shows, wherever it is.
func TestAFlippedByteShows(t *testing.T) {
	path := written(t, testKey, 4)
	for _, file := range []string{path, headPath(path)} {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range whole {
			for _, flip := range []byte{1, 0x20} {
				changed := bytes.Clone(whole)
				changed[i] ^= flip
				if err := os.WriteFile(file, changed, 0o600); err != nil {
					t.Fatal(err)
				}
				// The end of the head's file carries no meaning.
				if _, err := Verify(path, testKey, Head{}, nil); err == nil && !(file != path && i == len(whole)-1) {
					t.Fatalf("%s with byte %d changed was taken", filepath.Base(file), i)
				}
			}
		}
		if err := os.WriteFile(file, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTampering(t *testing.T) {
	lines := func(b []byte) [][]byte { return bytes.SplitAfter(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")) }
	for name, tc := range map[string]struct {
		change func(b []byte) []byte
		says   string
	}{
		"the first line removed":   {func(b []byte) []byte { return bytes.Join(lines(b)[1:], nil) }, "removed or put in"},
		"a middle line removed":    {func(b []byte) []byte { return bytes.Join(slices.Delete(lines(b), 1, 2), nil) }, "removed or put in"},
		"the last line removed":    {func(b []byte) []byte { return bytes.Join(lines(b)[:3], nil) }, "the last ones are gone"},
		"two lines in other order": {func(b []byte) []byte { l := lines(b); l[1], l[2] = l[2], l[1]; return bytes.Join(l, nil) }, "removed or put in"},
		"a line twice":             {func(b []byte) []byte { l := lines(b); return bytes.Join(slices.Insert(l, 1, l[1]), nil) }, "removed or put in"},
		"all of it":                {func([]byte) []byte { return nil }, "the last ones are gone"},
		"a line that is none":      {func(b []byte) []byte { return append(b, "\nhello\n"...) }, "no entry"},
		"a line without end":       {func(b []byte) []byte { return append(bytes.Join(lines(b)[:3], nil), "{"...) }, "EOF"},
		"a very long line":         {func(b []byte) []byte { return append(b, bytes.Repeat([]byte("x"), 2*maxLine)...) }, "buffer full"},
		"made anew without the key": {func([]byte) []byte {
			b, err := os.ReadFile(written(t, nil, 4))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}, "another than the one"},
		"an entry without the key at the end": {func(b []byte) []byte {
			all := lines(b)
			_, sum, err := open(all[3], testKey)
			if err != nil {
				t.Fatal(err)
			}
			line, _, err := Entry{Seq: 5, Prev: sum, Action: "x"}.seal(nil)
			if err != nil {
				t.Fatal(err)
			}
			return append(append(b, '\n'), line...)
		}, "without the key"},
	} {
		t.Run(name, func(t *testing.T) {
			path := written(t, testKey, 4)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, tc.change(bytes.TrimSuffix(whole, []byte("\n"))), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = Verify(path, testKey, Head{}, nil)
			if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("it says: %v", err)
			}
		})
	}
}

// Who rewrites log and head with the key is found out by a head that was kept
// elsewhere.
func TestAHeadThatWasKeptFindsARewrittenLog(t *testing.T) {
	path := written(t, testKey, 4)
	kept, err := Verify(path, testKey, Head{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	other := written(t, testKey, 6)
	if _, err := Verify(other, testKey, kept.Head, nil); !errors.Is(err, ErrBroken) {
		t.Errorf("a log that was made anew: %v", err)
	}
	shorter := written(t, testKey, 2)
	if _, err := Verify(shorter, testKey, kept.Head, nil); !errors.Is(err, ErrBroken) {
		t.Errorf("a shorter log: %v", err)
	}
	if _, err := Verify(path, []byte("another"), Head{}, nil); !errors.Is(err, ErrBroken) {
		t.Errorf("another key: %v", err)
	}
	if _, err := Verify(path, nil, Head{}, nil); err == nil {
		t.Error("without the key it was taken")
	}
	if err := os.Remove(headPath(path)); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(path, testKey, Head{}, nil); !errors.Is(err, ErrBroken) {
		t.Errorf("without its head: %v", err)
	}
}

// A writer that was killed leaves a piece of a line, or a head that is one behind;
// the next one goes on.
func TestAfterAKill(t *testing.T) {
	path := written(t, testKey, 3)
	old, err := os.ReadFile(headPath(path))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(path), testKey, 1)
	if err := os.WriteFile(headPath(path), old, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"seq":5,"ti`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(path, testKey, Head{}, nil); err != nil || r.Entries != 4 {
		t.Fatalf("before the restart: %+v, %v", r, err)
	}
	write(t, filepath.Dir(path), testKey, 1)
	if r, err := Verify(path, testKey, Head{}, nil); err != nil || r.Entries != 5 {
		t.Fatalf("after the restart: %+v, %v", r, err)
	}
}

// A log that somebody shortened is kept as evidence, and the new one says so.
func TestABrokenLogIsMovedAside(t *testing.T) {
	path := written(t, testKey, 3)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(path), testKey, 1)
	var actions []string
	if _, err := Verify(path, testKey, Head{}, func(e Entry) error { actions = append(actions, e.Action); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"audit_log_broken", "start"}; !slices.Equal(actions, want) {
		t.Errorf("the new log tells of %q", actions)
	}
	if aside, err := filepath.Glob(path + ".broken-*"); err != nil || len(aside) != 1 {
		t.Errorf("aside: %q, %v", aside, err)
	}
}

// A cloud that is closed later goes on with the log that it has, with the key.
func TestAKeyThatComesLater(t *testing.T) {
	path := written(t, nil, 2)
	write(t, filepath.Dir(path), testKey, 2)
	if r, err := Verify(path, testKey, Head{}, nil); err != nil || r.Entries != 4 || r.Unkeyed != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir, "svc", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Open(dir, "svc", nil, nil); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second writer: %v", err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				_ = l.Append(Entry{Action: "x", Outcome: OK, Detail: strings.Repeat("é", maxText)})
			}
		})
	}
	wg.Wait()
	if r, err := Verify(filepath.Join(dir, "svc.jsonl"), nil, Head{}, nil); err != nil || r.Entries != 200 {
		t.Errorf("%+v, %v", r, err)
	}
}

// What cannot be written is missing in the log, and the next entry tells.
func TestAnEntryThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir, "svc", testKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	file := l.file
	l.file = full
	if err := l.Append(Entry{Action: "x", Outcome: OK}); err == nil {
		t.Error("a full disk took an entry")
	}
	l.file = file
	if err := l.Append(Entry{Action: "y", Outcome: OK}); err != nil {
		t.Fatal(err)
	}
	var detail string
	if _, err := Verify(l.path, testKey, Head{}, func(e Entry) error { detail = e.Detail; return nil }); err != nil || !strings.Contains(detail, "1 entries") {
		t.Errorf("detail %q, %v", detail, err)
	}
}

func TestCallsAreEntered(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir, "svc", testKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	who := rpc.Identity{Kind: rpc.Operator, Name: "ada", Role: "operator"}
	failure := rpc.Text(rpc.Conflict, "Task with ID=a alredy running")
	fn := Calls(l)(func(context.Context, *rpc.Message) (json.RawMessage, error) { return nil, failure })
	ctx := rpc.WithTrace(rpc.WithIdentity(t.Context(), who), "00-1-2-01")
	if _, err := fn(ctx, &rpc.Message{Function: "f", Body: []byte(`{"task_id":"a","password":"s3cret","port":1}`)}); !errors.Is(err, failure) {
		t.Errorf("the call's error became %v", err)
	}
	var got Entry
	if _, err := Verify(l.path, testKey, Head{}, func(e Entry) error { got = e; return nil }); err != nil {
		t.Fatal(err)
	}
	if got.Who != who || got.Action != "f" || got.On != "a" || got.Outcome != "conflict" || got.Detail != failure.Message || got.Trace != "00-1-2-01" ||
		string(got.Arguments) != `{"password":"***","port":1}` {
		t.Errorf("entered: %+v, arguments %s", got, got.Arguments)
	}
	if b, err := os.ReadFile(l.path); err != nil || bytes.Contains(b, []byte("s3cret")) {
		t.Errorf("the log holds a secret: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	line, _, err := Entry{Seq: 1, Action: "a", Outcome: OK, Who: rpc.Identity{Kind: rpc.Client, Name: "c"}}.seal(testKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimSuffix(line, []byte("\n")))
	f.Add([]byte(`{"seq":1,"hash":"00"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, sum, err := open(line, testKey)
		if err == nil && e.Keyed && !bytes.Contains(line, []byte(sum)) {
			t.Errorf("an entry without its hash was taken: %q", line)
		}
	})
}
