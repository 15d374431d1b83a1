//go:build amd64

package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// skewed is a copy of the command agata whose clock can be set, and no other
// process' is: in its time.now, the way without a vDSO, which no machine of ours
// takes, is replaced by an addition to the seconds that the kernel gave. Time that
// passes stays what it is, as when somebody sets the clock of a machine.
type skewed struct {
	path   string
	offset uint64 // of the seconds to add, in memory
}

// newSkewed makes a copy whose clock is off by d.
func newSkewed(t testing.TB, d time.Duration) *skewed {
	t.Helper()
	program, err := os.ReadFile(agata(t))
	if err != nil {
		t.Fatal(err)
	}
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var now elf.Symbol
	for _, s := range symbols {
		if s.Name == "time.now" {
			now = s
		}
	}
	text := file.Section(".text")
	if now.Size == 0 || text == nil {
		t.Fatal("the program has no time.now")
	}
	code := program[text.Offset+now.Value-text.Addr:][:now.Size]
	load := []byte{0x48, 0x8b, 0x44, 0x24, 0x10}                         // MOVQ 16(SP), AX: the seconds
	fallback := []byte{0x48, 0xc7, 0xc0, 0xe4, 0, 0, 0, 0x0f, 0x05}      // MOVQ $SYS_clock_gettime, AX; SYSCALL
	from, to := bytes.LastIndex(code, load), bytes.Index(code, fallback) // the fallback is the function's end
	if from < 0 || to < from || to+16 > len(code) || bytes.Count(code, load) != 1 {
		t.Fatal("time.now of this Go is not like that of Go 1.26: see runtime/time_linux_amd64.s")
	}
	jump := func(at, target int) []byte {
		return binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(int32(target-at-5)))
	}
	patch := append(bytes.Clone(load), 0x48, 0x05) // ADDQ $seconds, AX
	patch = binary.LittleEndian.AppendUint32(patch, uint32(int32(d/time.Second)))
	patch = append(patch, jump(to+len(patch), from+5)...)
	copy(code[to:], patch)
	copy(code[from:], jump(from, to))
	s := &skewed{path: filepath.Join(t.TempDir(), "agata"), offset: now.Value + uint64(to) + 7}
	if err := os.WriteFile(s.path, program, 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

// set sets the clock of a process that runs the copy.
func (s *skewed) set(t testing.TB, p *process, d time.Duration) {
	t.Helper()
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", p.Process.Pid), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	if _, err := memory.WriteAt(binary.LittleEndian.AppendUint32(nil, uint32(int32(d/time.Second))), int64(s.offset)); err != nil {
		t.Fatal(err)
	}
}
