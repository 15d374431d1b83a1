package testenv

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// SlowDisk is a file system of one test's own whose writes and flushes take as long
// as the test says. Only other processes may keep a database on it: this one would
// wait for itself, where it maps a file into memory.
type SlowDisk struct {
	write, flush atomic.Int64 // ns, of each
	flushed      atomic.Int64
}

// NewSlowDisk mounts one at a path until the test ends, or skips the test: only root
// may. It is as fast as the disk below it until Slow is called.
func NewSlowDisk(t testing.TB, path string) *SlowDisk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs to mount a file system: run it as root")
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	d := &SlowDisk{}
	below := &fs.LoopbackRoot{Path: t.TempDir()}
	var st syscall.Stat_t
	if err := syscall.Stat(below.Path, &st); err != nil {
		t.Fatal(err)
	}
	below.Dev = st.Dev
	below.NewNode = func(*fs.LoopbackRoot, *fs.Inode, string, *syscall.Stat_t) fs.InodeEmbedder {
		return &slowNode{LoopbackNode: &fs.LoopbackNode{RootData: below}, disk: d}
	}
	root := below.NewNode(below, nil, "", &st)
	below.RootNode = root
	server, err := fs.Mount(path, root, &fs.Options{MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "slow", Name: "slow"}})
	if err != nil {
		t.Fatalf("mount a slow file system at %s: %v", path, err)
	}
	notInherited(t, "/dev/fuse")
	t.Cleanup(func() {
		d.Slow(0, 0)
		// What still has a file open, such as a shim that ends, must not hold the mount.
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", path, err)
			return
		}
		server.Wait()
	})
	return d
}

// notInherited keeps what this process has open of a path from those that it starts:
// a file system lives on while somebody holds its server's end.
func notInherited(t testing.TB, path string) {
	t.Helper()
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range open {
		if to, err := os.Readlink(link); err != nil || to != path {
			continue
		}
		fd, err := strconv.Atoi(filepath.Base(link))
		if err != nil {
			t.Fatal(err)
		}
		syscall.CloseOnExec(fd)
	}
}

// Slow lets each later write and each flush to the disk take so much longer.
func (d *SlowDisk) Slow(write, flush time.Duration) {
	d.write.Store(int64(write))
	d.flush.Store(int64(flush))
}

// Flushes is how many flushes there were.
func (d *SlowDisk) Flushes() int { return int(d.flushed.Load()) }

type slowNode struct {
	*fs.LoopbackNode
	disk *SlowDisk
}

var (
	_ fs.NodeOpener  = (*slowNode)(nil)
	_ fs.NodeCreater = (*slowNode)(nil)
)

func (n *slowNode) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h, fuseFlags, errno := n.LoopbackNode.Open(ctx, flags)
	return n.slow(h), fuseFlags, errno
}

func (n *slowNode) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	node, h, fuseFlags, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	return node, n.slow(h), fuseFlags, errno
}

func (n *slowNode) slow(h fs.FileHandle) fs.FileHandle {
	if f, ok := h.(*fs.LoopbackFile); ok {
		return &slowFile{fileHandle: f, disk: n.disk}
	}
	return h
}

// fileHandle is what a slow file passes on: all but the kernel's way around it.
type fileHandle interface {
	fs.FileReader
	fs.FileWriter
	fs.FileReleaser
	fs.FileFlusher
	fs.FileFsyncer
	fs.FileGetattrer
	fs.FileSetattrer
	fs.FileLseeker
	fs.FileAllocater
}

type slowFile struct {
	fileHandle
	disk *SlowDisk
}

func (f *slowFile) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	time.Sleep(time.Duration(f.disk.write.Load()))
	return f.fileHandle.Write(ctx, data, off)
}

func (f *slowFile) Fsync(ctx context.Context, flags uint32) syscall.Errno {
	f.disk.flushed.Add(1)
	time.Sleep(time.Duration(f.disk.flush.Load()))
	return f.fileHandle.Fsync(ctx, flags)
}
