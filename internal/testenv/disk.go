package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Disk is a small file system of one test's own, in memory, which can be filled
// to its last byte. What is on it already can be read, and be written over.
type Disk struct {
	Path string // where it is mounted
}

// NewDisk mounts a file system of so many MiB at a path until the test ends, or
// skips the test: only root may.
func NewDisk(t testing.TB, path string, mib int) *Disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs to mount a small file system: run it as root")
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=700", mib)); err != nil {
		t.Fatalf("mount a small file system at %s: %v", path, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", path, err)
		}
	})
	return &Disk{Path: path}
}

func (d *Disk) ballast() string { return filepath.Join(d.Path, ".ballast") }

// Fill leaves so many KiB free.
func (d *Disk) Fill(t testing.TB, kib int) {
	t.Helper()
	f, err := os.OpenFile(d.ballast(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for piece := make([]byte, 4<<10); err == nil; {
		_, err = f.Write(piece)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill %s: %v", d.Path, err)
	}
	if kib == 0 {
		return
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Truncate(info.Size() - int64(kib)<<10)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Free takes away what Fill has put there.
func (d *Disk) Free(t testing.TB) {
	t.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		t.Fatal(err)
	}
}
