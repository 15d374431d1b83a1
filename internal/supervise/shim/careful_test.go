package shim

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWhatIsNoFileIsNotRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(at("file"), []byte("content"), 0o600), os.Symlink(at("file"), at("link")), os.Symlink("/dev/zero", at("endless")),
		syscall.Mkfifo(at("pipe"), 0o600), os.Mkdir(at("folder"), 0o700), os.Truncate(at("file"), 7),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"link", "endless", "pipe", "folder"} {
		if b, err := ReadFile(at(name), 100); !errors.Is(err, ErrNoFile) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if b, err := ReadFile(at("file"), 7); err != nil || string(b) != "content" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := ReadFile(at("file"), 6); !errors.Is(err, errTooLong) {
		t.Errorf("got %v", err)
	}
	if _, err := ReadFile(at("none"), 6); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsWrittenThroughALink(t *testing.T) {
	dir := t.TempDir()
	path, outside := filepath.Join(dir, "exit.json"), filepath.Join(dir, "outside")
	for name, put := range map[string]func(path string) error{
		"a link":      func(p string) error { return os.Symlink(outside, p) },
		"a pipe":      func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"a hard link": func(p string) error { return os.Link(outside, p) },
		"a folder":    func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		if err := errors.Join(os.WriteFile(outside, []byte("keep"), 0o600), os.RemoveAll(path), put(path+".tmp")); err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(path, []byte("new")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "new" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if b, err := os.ReadFile(outside); err != nil || string(b) != "keep" {
			t.Errorf("%s: the other file is %q, %v", name, b, err)
		}
	}
}
