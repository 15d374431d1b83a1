package supervise

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

func TestMuchOutputThatNobodyReads(t *testing.T) {
	p := start(t, newManager(t), Spec{Argv: sh(`head -c 10485760 /dev/zero | tr '\0' x | fold -w 1023 >&2`)})
	if exit := waitDone(t, p); exit.Reason != ReasonExited {
		t.Errorf("exit %+v", exit)
	}
	total := 0
	for _, line := range collect(t, p) {
		if line.Stream != Stderr {
			t.Fatalf("a line of %s", line.Stream)
		}
		total += len(line.Text)
	}
	if total != 10485760 {
		t.Errorf("%d bytes read back, want 10485760", total)
	}
}

func TestLongLineIsCut(t *testing.T) {
	p := start(t, newManager(t), Spec{Argv: sh(`head -c 200000 /dev/zero | tr '\0' x; echo; echo next`)})
	lines := collect(t, p)
	if len(lines) != 2 || len(lines[0].Text) != MaxLine || !lines[0].Cut {
		t.Fatalf("%d lines, the first of %d bytes, cut %v", len(lines), len(lines[0].Text), lines[0].Cut)
	}
	if lines[1].Text != "next" || lines[1].Offset != 200001 || lines[1].Cut {
		t.Errorf("next line %+v", lines[1])
	}
}

func TestBoundedLogs(t *testing.T) {
	m := newManager(t)
	script := "import sys,time\nfor i in range(120000): sys.stdout.write('%0100d\\n' % i)\nsys.stdout.flush(); time.sleep(1.2); print('end')"
	p := start(t, m, Spec{Argv: []string{"python3", "-c", script}, Limits: Limits{LogBytes: 1 << 20}})
	waitDone(t, p)
	var stat syscall.Stat_t
	if err := syscall.Stat(shim.StdoutPath(p.Folder()), &stat); err != nil {
		t.Fatal(err)
	}
	if stat.Size != 120000*101+4 || stat.Blocks*512 > 1<<20+holeSlack {
		t.Errorf("size %d, on disk %d", stat.Size, stat.Blocks*512)
	}
	var next, skipped int64
	lines := collect(t, p)
	for _, line := range lines {
		if line.Offset != next+line.Skipped {
			t.Fatalf("line at %d with %d skipped follows %d", line.Offset, line.Skipped, next)
		}
		skipped += line.Skipped
		next = line.Offset + int64(len(line.Text)) + 1
		if want := fmt.Sprintf("%0100d", line.Offset/101); line.Text != want && line.Text != "end" {
			t.Fatalf("line at %d is %q", line.Offset, line.Text)
		}
	}
	if skipped == 0 {
		t.Error("nothing was skipped: the test shows nothing")
	}
	if last := lines[len(lines)-1]; last.Text != "end" {
		t.Errorf("last line %+v", last)
	}
}

const holeSlack = 128 << 10

func TestRemoveEndsAReaderThatStalls(t *testing.T) {
	p := start(t, newManager(t), Spec{Argv: sh("seq 1 5000")})
	waitDone(t, p)
	if err := p.Remove(); err != nil { // nobody has read a line
		t.Fatal(err)
	}
	if n := len(collect(t, p)); n >= 5000 {
		t.Errorf("%d lines after the removal", n)
	}
	if err := p.Commit(Line{Stream: Stdout, next: 5}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("commit after the removal: %v", err)
	}
}
