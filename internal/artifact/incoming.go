package artifact

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stagingFolder is on the same file system as the tasks, so that a rename moves a
// file into its place, and its name is no task's.
const stagingFolder = ".staging"

// discardedMark begins the names of folders in staging that only wait for their end.
const discardedMark = "discarded-"

// maxUploadAge is longer than any upload takes.
const maxUploadAge = 24 * time.Hour

// Incoming is an upload in progress: files wait in a folder of their own until all
// of them have arrived, and then take their places together. Not for concurrent use.
type Incoming struct {
	store *Store
	dir   string // relative to the store's root
	files []File
	taken map[string]bool // path -> it is a file (true) or the folder of one
	total int64
}

// NewIncoming begins an upload. The caller ends it with Discard, whatever happened.
func (s *Store) NewIncoming() (*Incoming, error) {
	in := &Incoming{store: s, dir: path.Join(stagingFolder, rand.Text()), taken: map[string]bool{}}
	if err := s.root.MkdirAll(in.dir, 0o700); err != nil {
		return nil, fmt.Errorf("begin an upload: %w", err)
	}
	return in, nil
}

// Add receives one file. It is bounded by the limits of the store, and ErrTooLarge
// tells when it goes beyond. Two files with one name, or a file with the name of
// another's folder, are an ErrBadPath.
func (in *Incoming) Add(name string, content io.Reader) error {
	if err := ValidPath(name); err != nil {
		return err
	}
	if err := in.take(name); err != nil {
		return err
	}
	limits := in.store.limits
	if err := limits.checkFiles(len(in.files) + 1); err != nil {
		return err
	}
	size, sum, err := in.spool(in.staged(len(in.files)), io.LimitReader(content, min(limits.FileBytes, limits.TotalBytes-in.total)+1))
	switch {
	case err != nil:
		return fmt.Errorf("receive file %s: %w", name, err)
	case size > limits.FileBytes:
		return fmt.Errorf("receive file %s: %w: more than %d bytes", name, ErrTooLarge, limits.FileBytes)
	case in.total+size > limits.TotalBytes:
		return fmt.Errorf("receive file %s: %w: more than %d bytes in all", name, ErrTooLarge, limits.TotalBytes)
	}
	in.total += size
	in.files = append(in.files, File{Path: name, Size: size, SHA256: sum})
	return nil
}

func (in *Incoming) staged(i int) string { return path.Join(in.dir, strconv.Itoa(i)) }

func (in *Incoming) take(name string) error {
	if isFile, ok := in.taken[name]; ok {
		if isFile {
			return fmt.Errorf("%w %q: it was sent twice", ErrBadPath, name)
		}
		return fmt.Errorf("%w %q: it is also the folder of another file", ErrBadPath, name)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if in.taken[dir] {
			return fmt.Errorf("%w %q: %q is also a file", ErrBadPath, name, dir)
		}
		in.taken[dir] = false
	}
	in.taken[name] = true
	return nil
}

func (in *Incoming) spool(staged string, content io.Reader) (size int64, sum string, err error) {
	f, err := in.store.root.OpenFile(staged, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	if size, err = io.Copy(io.MultiWriter(f, h), content); err != nil {
		return 0, "", err
	}
	return size, hex.EncodeToString(h.Sum(nil)), f.Sync()
}

// Commit puts the files into the folder of the task, which is made if need be, and
// replaces those of the same name. Each file changes at once, from the old to the
// new; the task's other files stay. What can be foreseen to fail fails before the
// first is moved. It returns the files in the order of Add.
func (in *Incoming) Commit(taskID string) ([]File, error) {
	if err := ValidTaskID(taskID); err != nil {
		return nil, err
	}
	s := in.store
	s.commit.Lock()
	defer s.commit.Unlock()

	folder := taskFolder(taskID)
	created := false
	switch err := s.root.Mkdir(folder, 0o755); {
	case err == nil:
		created = true
	case !errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("task %s: %w", taskID, err)
	}
	task, err := s.openTask(taskID)
	if err != nil {
		return nil, err
	}
	defer task.Close()
	if err := in.prepare(task); err != nil {
		return nil, fmt.Errorf("task %s: %w", taskID, err)
	}
	now := time.Now()
	for i := range in.files {
		if err := s.root.Rename(in.staged(i), path.Join(folder, in.files[i].Path)); err != nil {
			return nil, fmt.Errorf("task %s: %w", taskID, err)
		}
		in.files[i].ModTime = now
	}
	if err := in.flush(task, created); err != nil {
		return nil, fmt.Errorf("task %s: %w", taskID, err)
	}
	return in.files, nil
}

// prepare refuses names that the task's folder has no room for, and only then makes
// the folders. Looking through the task's own root shows that no link leads out.
func (in *Incoming) prepare(task *os.Root) error {
	for name, isFile := range in.taken {
		look, fault := task.Stat, "it is a file of the task"
		if isFile {
			look, fault = task.Lstat, "it is a folder of the task"
		}
		switch info, err := look(name); {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR): // the folder's own look tells
		case err != nil:
			return fmt.Errorf("%w %q: %w", ErrBadPath, name, err)
		case info.IsDir() == isFile:
			return fmt.Errorf("%w %q: %s", ErrBadPath, name, fault)
		}
	}
	for name, isFile := range in.taken {
		if isFile {
			continue
		}
		if err := task.MkdirAll(name, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// flush makes the new names durable; the contents are already.
func (in *Incoming) flush(task *os.Root, created bool) error {
	dirs := map[string]bool{".": true}
	for name, isFile := range in.taken {
		if !isFile {
			dirs[name] = true
		}
	}
	for dir := range dirs {
		if err := syncDir(task, dir); err != nil {
			return err
		}
	}
	if created {
		return syncDir(in.store.root, ".")
	}
	return nil
}

func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Discard removes what was not committed. After Commit it removes the empty
// staging folder.
func (in *Incoming) Discard() error {
	if err := in.store.root.RemoveAll(in.dir); err != nil {
		return fmt.Errorf("discard an upload: %w", err)
	}
	return nil
}

// sweep removes what uploads left behind when the machine went down. Another
// program may be using the same folder, so the age decides.
func (s *Store) sweep(now time.Time) error {
	entries, err := fs.ReadDir(s.root.FS(), stagingFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clear unfinished uploads: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !strings.HasPrefix(entry.Name(), discardedMark) && now.Sub(info.ModTime()) < maxUploadAge {
			continue
		}
		if err := s.root.RemoveAll(path.Join(stagingFolder, entry.Name())); err != nil {
			return fmt.Errorf("clear unfinished uploads: %w", err)
		}
	}
	return nil
}
