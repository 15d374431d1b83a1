package cloudtaskmanager

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/agata-fl/agata/pkg/rpc"
)

// growing is a file of output that a test writes to.
type growing struct {
	testing.TB
	outputFile
}

func newGrowing(t testing.TB) *growing {
	return &growing{t, outputFile{path: filepath.Join(t.TempDir(), "stdout.log")}}
}

// write appends, and no time passes until rest.
func (g *growing) write(text string) {
	g.Helper()
	f, err := os.OpenFile(g.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		g.Fatal(err)
	}
	f.Close()
	g.age(-time.Hour)
}

// rest ages the file, as if nothing had been written for a while.
func (g *growing) rest() {
	g.Helper()
	g.age(2 * halfLineAge)
}

func (g *growing) age(d time.Duration) {
	g.Helper()
	when := time.Now().Add(-d)
	if err := os.Chtimes(g.path, when, when); err != nil {
		g.Fatal(err)
	}
}

// want reads from a place on and returns where that ends.
func (g *growing) want(from int64, lines ...string) int64 {
	g.Helper()
	got, err := g.since(from)
	if err != nil {
		g.Fatal(err)
	}
	all := []string{}
	for _, p := range got {
		all, from = append(all, p.text), p.end
	}
	if !slices.Equal(all, lines) && len(all)+len(lines) > 0 {
		g.Errorf("got %.200q, want %.200q", all, lines)
	}
	return from
}

func TestOutputSince(t *testing.T) {
	g := newGrowing(t)
	if lines, err := g.since(0); err != nil || lines != nil {
		t.Errorf("a file that is not there: %v, %v", lines, err)
	}
	g.write("one\ntwo\r\nthr")
	at := g.want(0, "one", "two")
	at = g.want(at) // a line that is being written waits
	g.write("ee\n\n")
	at = g.want(at, "three", "")
	g.write("asks> ")
	g.want(at)
	g.rest()
	at = g.want(at, "asks> ") // and not for ever
	g.write("yes\nbye")
	at = g.want(at, "yes")
	g.ended = true
	at = g.want(at, "bye")
	at = g.want(at)
	if _, err := g.since(at + 1); rpc.CodeOf(err) != rpc.Invalid {
		t.Errorf("behind the end: %v", err)
	}
	g.want(1, "ne", "two", "three", "", "asks> yes", "bye") // any place is safe
}

func TestOutputLast(t *testing.T) {
	g := newGrowing(t)
	if lines, at, err := g.last(); err != nil || lines != nil || at != 0 {
		t.Errorf("a file that is not there: %v, %d, %v", lines, at, err)
	}
	var all []string
	for i := range 5000 {
		all = append(all, fmt.Sprintf("line %06d of many", i))
	}
	g.write(strings.Join(all, "\n") + "\nhal")
	lines, at, err := g.last()
	if err != nil || len(lines) < 2000 || lines[len(lines)-1].text != all[4999] || !strings.HasPrefix(lines[0].text, "line ") {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	g.want(at)
	g.write("f\n")
	g.want(at, "half")
}

func TestLongLinesComeInPieces(t *testing.T) {
	g := newGrowing(t)
	line := "x" + strings.Repeat("ä", outputBytes) // 128 KiB and a byte
	g.write("short\n" + line + "\nafter\n")
	at := g.want(0, "short")
	var pieces []string
	for range 10 {
		got, err := g.since(at)
		if err != nil || len(got) == 0 {
			t.Fatal(got, err)
		}
		for _, p := range got {
			if p.text == "after" {
				if strings.Join(pieces, "") != line {
					t.Errorf("%d pieces do not make the line", len(pieces))
				}
				return
			}
			if !utf8.ValidString(p.text) || strings.Contains(p.text, "\uFFFD") {
				t.Error("a character is broken")
			}
			pieces, at = append(pieces, p.text), p.end
		}
	}
	t.Error("the line does not end")
}

func TestOutputThatIsNoText(t *testing.T) {
	g := newGrowing(t)
	g.write("\xff\xfe\x00!\n" + strings.Repeat("\x80", outputBytes+10) + "\nend\n")
	at := g.want(0, "\uFFFD\x00!")
	for range 5 {
		got, err := g.since(at)
		if err != nil || len(got) == 0 {
			t.Fatal(got, err)
		}
		if at = got[len(got)-1].end; got[len(got)-1].text == "end" {
			return
		}
	}
	t.Error("the reader does not get past it")
}

// The beginning of a long output is given back to the file system.
func TestLostOutput(t *testing.T) {
	g := newGrowing(t)
	g.write(strings.Repeat(strings.Repeat("0123456789", 10)+"\n", 10_000)) // a megabyte
	g.write("the last\n")
	at := g.want(0, slices.Repeat([]string{strings.Repeat("0123456789", 10)}, outputBytes/101)...)
	f, err := os.OpenFile(g.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const hole = 512 << 10
	if err := syscall.Fallocate(int(f.Fd()), 0x3, 0, hole); err != nil { // punch, keep the size
		t.Fatal(err)
	}
	lines, err := g.since(at)
	if err != nil || len(lines) < 100 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	// Lost is all up to the first whole line.
	next := int64((hole/101 + 1) * 101)
	if want := fmt.Sprintf("[... %d bytes lost]", next-at); lines[0].text != want || lines[0].end != next {
		t.Errorf("%+v, want %q up to %d", lines[0], want, next)
	}
	if len(lines[1].text) != 100 || strings.ContainsRune(lines[1].text, 0) {
		t.Errorf("after it: %q", lines[1].text)
	}
	if tail, _, err := g.last(); err != nil || tail[len(tail)-1].text != "the last" {
		t.Errorf("%v", err)
	}
}

// Whatever is written in whichever portions: nothing is lost and nothing comes twice.
func TestOutputComesOnce(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	g := newGrowing(t)
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "%d%s\n", i, strings.Repeat("é", rnd.IntN(60)))
	}
	rest, at, got := text.String(), int64(0), []string{}
	for rest != "" || len(got) < 3000 {
		n := min(len(rest), rnd.IntN(4000))
		g.write(rest[:n])
		rest = rest[n:]
		lines, err := g.since(at)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines[:min(len(lines), rnd.IntN(100))] {
			got, at = append(got, line.text), line.end
		}
	}
	if strings.Join(got, "\n")+"\n" != text.String() {
		t.Error("the lines are not what was written")
	}
}

func FuzzPlace(f *testing.F) {
	for _, text := range []string{"", ".0.0.0", "01985a5e-0000-7000-8000-000000000000.1.22.333", "x.1.2.3", "01985a5e-0000-7000-8000-000000000000.-1.2.3", "...", ".01.0.0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePlace(text)
		if err != nil {
			if rpc.CodeOf(err) != rpc.Invalid {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if text != "" && p.String() != text || min(p.at[0], p.at[1], p.at[2]) < 0 {
			t.Errorf("%q was read as %+v", text, p)
		}
	})
}
