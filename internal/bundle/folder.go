package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// cacheFolder is where Python keeps compiled code, and takes it from without
// looking at the source again.
const cacheFolder = "__pycache__"

// OpenFolder opens a task's folder. A link in its place would be another folder,
// so it is refused.
func OpenFolder(dir string) (*os.Root, error) {
	if info, err := os.Lstat(dir); err != nil {
		return nil, fmt.Errorf("open the task's folder: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%w: %s is not a folder", ErrContent, dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the task's folder: %w", err)
	}
	return root, nil
}

// Read returns the two files of the bundle in a folder. An error wraps
// ErrUntrusted if there is none.
func Read(root *os.Root) (manifest, signature []byte, err error) {
	if manifest, err = readOwn(root, ManifestName); err == nil {
		signature, err = readOwn(root, SignatureName)
	}
	return manifest, signature, err
}

func readOwn(root *os.Root, name string) ([]byte, error) {
	f, err := openRegular(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: it has no file %s: its author signs it by agata task sign", ErrUntrusted, name)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return text, nil
}

// Verified is a bundle whose signature was found right.
type Verified struct {
	Manifest *Manifest
	Digest   string // of the manifest
	Signer   string
}

// ReadVerified reads the bundle in a folder and verifies that it is a task's and
// signed by one who is trusted. It does not look at the other files.
func ReadVerified(root *os.Root, task string, trusted Keys) (Verified, error) {
	manifest, signature, err := Read(root)
	if err != nil {
		return Verified{}, err
	}
	m, err := Verify(manifest, signature, trusted)
	if err != nil {
		return Verified{}, err
	}
	if m.Task != task {
		return Verified{}, fmt.Errorf("%w: its bundle was signed for task %s", ErrUntrusted, m.Task)
	}
	return Verified{Manifest: m, Digest: Digest(manifest), Signer: trusted.Signer(m)}, nil
}

// Paths are all files of the manifest.
func (m *Manifest) Paths() []string {
	paths := make([]string, len(m.Files))
	for i, f := range m.Files {
		paths[i] = f.Path
	}
	return paths
}

// Check verifies that a folder holds exactly the given files of the manifest,
// each as it was signed, and the bundle's two: nothing else of any kind. An error
// wraps ErrContent, or is of the disk.
func (m *Manifest) Check(root *os.Root, paths []string) error {
	if err := walk(root, paths, func(name string, _ fs.DirEntry) error {
		return fmt.Errorf("%w: %q is not among them", ErrContent, name)
	}); err != nil {
		return err
	}
	return m.CheckFiles(root, paths)
}

// CheckFiles verifies that the given files of a folder are as they were signed,
// whatever else is there. Its errors are those of Check.
func (m *Manifest) CheckFiles(root *os.Root, paths []string) error {
	for _, name := range paths {
		want, ok := m.Find(name)
		if !ok {
			return fmt.Errorf("%w: %q is not among them", ErrContent, name)
		}
		if err := want.check(root); err != nil {
			return err
		}
	}
	return nil
}

// check compares one file of a folder.
func (f File) check(root *os.Root) error {
	file, err := openRegular(root, f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %q is missing", ErrContent, f.Path)
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrContent, err)
	}
	defer file.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(file, f.Size+1))
	if err != nil {
		return fmt.Errorf("verify %q: %w", f.Path, err)
	}
	if n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%w: %q differs", ErrContent, f.Path)
	}
	return nil
}

// Clean removes from a folder what is neither one of the given files nor of the
// bundle, such as files of an earlier version and Python's compiled code, which
// the task would import. It returns what it removed.
func Clean(root *os.Root, paths []string) (removed []string, err error) {
	err = walk(root, paths, func(name string, entry fs.DirEntry) error {
		if err := root.RemoveAll(name); err != nil {
			return fmt.Errorf("remove %q, which is none of the task's files: %w", name, err)
		}
		removed = append(removed, name)
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	return removed, err
}

// CleanCaches removes Python's compiled code from a folder.
func CleanCaches(root *os.Root) error {
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || path.Base(name) != cacheFolder {
			return err
		}
		if err := root.RemoveAll(name); err != nil {
			return fmt.Errorf("remove Python's compiled code: %w", err)
		}
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// walk calls foreign with everything in a folder that is none of the given files,
// nor of the bundle, nor a folder on the way to one of them. What is one by name
// and no regular file is foreign, too.
func walk(root *os.Root, paths []string, foreign func(name string, entry fs.DirEntry) error) error {
	folders := map[string]bool{".": true}
	for _, name := range paths {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("look at the task's folder: %w", err)
		case entry.IsDir() && folders[name]:
			return nil
		case entry.Type().IsRegular() && (IsBundle(name) || slices.Contains(paths, name)):
			return nil
		}
		return foreign(name, entry)
	})
}

// openRegular opens a regular file that no link leads to.
func openRegular(root *os.Root, name string) (*os.File, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", name)
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe would block
	if err != nil {
		return nil, err
	}
	now, err := f.Stat()
	if err == nil && !os.SameFile(info, now) {
		err = fmt.Errorf("%q was replaced while it was opened", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// List describes the regular files of a folder, for a manifest: all but the
// bundle's own, Python's compiled code, and what skip names (nil: nothing). What
// cannot be signed, such as a link, is an error.
func List(root *os.Root, skip func(name string) bool) (names []string, err error) {
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == "." || IsBundle(name):
			return nil
		case path.Base(name) == cacheFolder || strings.HasPrefix(path.Base(name), ".") || skip != nil && skip(name):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		case !entry.Type().IsRegular():
			return fmt.Errorf("%q is not a regular file, and cannot be signed", name)
		}
		names = append(names, name)
		return nil
	})
	return names, err
}

// Describe reads a file for a manifest, under the name that it has there.
func Describe(name string, content io.Reader) (File, error) {
	h := sha256.New()
	n, err := io.Copy(h, content)
	if err != nil {
		return File{}, fmt.Errorf("read %s: %w", name, err)
	}
	return File{Path: name, Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}
