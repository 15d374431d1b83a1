package taskreporter_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/pkg/taskreporter"
)

// reports parses every line, and fails on one that is no report.
func reports(t *testing.T, lines []byte) []taskreporter.Report {
	t.Helper()
	var all []taskreporter.Report
	for line := range bytes.Lines(lines) {
		r, ok := taskreporter.Parse(line)
		if !ok {
			t.Fatalf("not a report: %s", line)
		}
		all = append(all, r)
	}
	return all
}

func TestReporterSpeaksTheWire(t *testing.T) {
	var out bytes.Buffer
	at := time.UnixMilli(1763778000250)
	r, err := taskreporter.New(taskreporter.Options{Writer: &out, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		r.RegisterEvent("task_client", "main", "Started client"),
		r.SendStats(1, 0.875),
		r.SendRound(2, 0.875, 0.25),
		r.SendInfo("a < b"),
		r.SendPrint("two\nlines"),
		r.SendError(errors.New("no data")),
		r.Trigger("trigger_example", "0.9"),
		r.Finished(),
		r.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"info","info":"Started"}
{"type":"event","time":1763778000.25,"service":"task_client","function":"main","event":"Started client"}
{"type":"model","round":"1","acc":"0.875"}
{"type":"model","round":"2","acc":"0.875","loss":"0.25"}
{"type":"info","info":"a < b"}
{"type":"print","message":"two\nlines"}
{"type":"error","exception":"no data"}
{"type":"trigger","trigger_name":"trigger_example","trigger_arguments":"0.9"}
{"type":"info","info":"Finished"}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	reports(t, out.Bytes())
}

func TestReporterAppendsToTheFileOfTheEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reports")
	t.Setenv(taskreporter.EnvReports, path)
	if err := os.WriteFile(path, []byte(`{"type":"info","info":"earlier"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Two reporters, as of two processes, and many goroutines: every line stays whole.
	var senders sync.WaitGroup
	for range 2 {
		r, err := taskreporter.New(taskreporter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 {
			senders.Go(func() {
				for range 20 {
					if err := r.SendPrint(strings.Repeat(strconv.Itoa(i), 5000)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		defer func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	senders.Wait()
	lines, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := reports(t, lines)
	if len(all) != 1+2*(1+8*20) {
		t.Errorf("%d reports in the file, want %d", len(all), 1+2*(1+8*20))
	}
	for _, r := range all {
		if p, ok := r.(taskreporter.Print); ok && p.Message != strings.Repeat(p.Message[:1], 5000) {
			t.Fatalf("a line is mixed: %.40q", p.Message)
		}
	}
}

func TestReporterSaysWhyItCannotStart(t *testing.T) {
	t.Setenv(taskreporter.EnvReports, filepath.Join(t.TempDir(), "missing", "reports"))
	_, err := taskreporter.New(taskreporter.Options{})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), taskreporter.EnvReports) {
		t.Errorf("New() = %v, want an error that names %s", err, taskreporter.EnvReports)
	}
	read, write := io.Pipe()
	read.Close()
	if _, err := taskreporter.New(taskreporter.Options{Writer: write}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("New() on a closed pipe = %v, want %v", err, io.ErrClosedPipe)
	}
}

func TestEncodeShortensWhatIsTooLong(t *testing.T) {
	for name, text := range map[string]string{
		"plain":     strings.Repeat("x", 1<<20),
		"escaped":   strings.Repeat("\x01", 1<<20),
		"multibyte": strings.Repeat("漢", 1<<18),
	} {
		for _, r := range []taskreporter.Report{
			taskreporter.Info{Text: text},
			taskreporter.Print{Message: text},
			taskreporter.Error{Exception: text},
			taskreporter.Model{Round: "1", Accuracy: text},
			taskreporter.Model{Round: text, Accuracy: text, Loss: text},
			taskreporter.Trigger{Name: text, Arguments: text},
			taskreporter.Event{Time: time.Unix(1, 0), Service: text, Function: text, Text: text},
		} {
			line, err := taskreporter.Encode(r)
			if err != nil {
				t.Fatal(err)
			}
			if len(line) > taskreporter.MaxLine+1 || len(line) < taskreporter.MaxLine/16 {
				t.Errorf("%s %s: a line of %d bytes, want nearly %d", name, r.Type(), len(line), taskreporter.MaxLine)
			}
			back, ok := taskreporter.Parse(line)
			if !ok || back.Type() != r.Type() {
				t.Errorf("%s %s: the line is no report of its type", name, r.Type())
			}
			if !utf8.Valid(line) || bytes.Contains(line, []byte("\ufffd")) {
				t.Errorf("%s %s: a character was cut in two", name, r.Type())
			}
		}
	}
}
