package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const tasksFolder = "tasks"

// File is one file of a task.
type File struct {
	Path    string    // relative to the task's folder, with forward slashes
	Size    int64     // bytes
	SHA256  string    // of the content, 64 hexadecimal digits
	ModTime time.Time // of the last change on this machine's disk
}

// Store holds the files of tasks below <work>/tasks, each task in task_<id>.
// It is safe for concurrent use.
type Store struct {
	work    string
	root    *os.Root // <work>/tasks
	limits  Limits
	digests digests
	commit  sync.Mutex // one upload takes its places at a time
}

// NewStore opens the store in the folder work, and makes <work>/tasks if need be.
// What uploads left behind on an earlier day is removed.
func NewStore(work string, limits Limits) (*Store, error) {
	dir := filepath.Join(work, tasksFolder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open the task files: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the task files: %w", err)
	}
	s := &Store{work: work, root: root, limits: limits.withDefaults()}
	if err := s.sweep(time.Now()); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

// Close releases the folder. Files that were opened stay open.
func (s *Store) Close() error { return s.root.Close() }

// Dir returns the folder of a task, <work>/tasks/task_<id>, whether it exists or not.
func (s *Store) Dir(taskID string) (string, error) {
	if err := ValidTaskID(taskID); err != nil {
		return "", err
	}
	return filepath.Join(s.work, tasksFolder, taskFolder(taskID)), nil
}

func taskFolder(taskID string) string { return "task_" + taskID }

// openTask opens the folder of a task. A link in its place would be another task's
// folder, so it is no folder.
func (s *Store) openTask(taskID string) (*os.Root, error) {
	if err := ValidTaskID(taskID); err != nil {
		return nil, err
	}
	info, err := s.root.Lstat(taskFolder(taskID))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, fmt.Errorf("task %s: its folder was %w", taskID, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", taskID, err)
	}
	root, err := s.root.OpenRoot(taskFolder(taskID))
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", taskID, err)
	}
	return root, nil
}

// Open opens a regular file of a task for reading and describes it. The digest is
// that of the opened file, whatever takes its name afterwards.
func (s *Store) Open(taskID, path string) (*os.File, File, error) {
	if err := ValidPath(path); err != nil {
		return nil, File{}, fmt.Errorf("task %s: %w", taskID, err)
	}
	root, err := s.openTask(taskID)
	if err != nil {
		return nil, File{}, err
	}
	defer root.Close()
	f, info, err := openRegular(root, path)
	if err != nil {
		return nil, File{}, fmt.Errorf("task %s: file %s: %w", taskID, path, err)
	}
	sum, err := s.digests.of(taskID+"/"+path, info, func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(f, 0, info.Size())), nil
	})
	if err != nil {
		return nil, File{}, errors.Join(fmt.Errorf("task %s: file %s: %w", taskID, path, err), f.Close())
	}
	return f, File{path, info.Size(), sum, info.ModTime()}, nil
}

// openRegular maps whatever is not a readable regular file below root to ErrNotFound:
// a caller on the network has no business knowing which it was.
func openRegular(root *os.Root, path string) (*os.File, fs.FileInfo, error) {
	f, err := root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe would block
	if err != nil {
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) && !errors.Is(err, syscall.EIO) {
			err = fmt.Errorf("%w (%w)", ErrNotFound, err)
		}
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w (not a regular file)", ErrNotFound)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// List returns the regular files of a task, by path. Digests are remembered, so
// that listing again costs a look at each file and no reading. Names that
// ValidPath refuses, which only a program on this machine can have made, are left
// out, as are links.
func (s *Store) List(taskID string) ([]File, error) {
	root, err := s.openTask(taskID)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files []File
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.Type().IsRegular() || ValidPath(path) != nil {
			return nil
		}
		if err := s.limits.checkFiles(len(files) + 1); err != nil {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // replaced while we look
		}
		if err != nil {
			return err
		}
		sum, err := s.digests.of(taskID+"/"+path, info, func() (io.ReadCloser, error) { return root.Open(path) })
		if err != nil {
			return err
		}
		files = append(files, File{path, info.Size(), sum, info.ModTime()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("task %s: list its files: %w", taskID, err)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

// Digest returns one SHA-256 over the names and contents of the given files of a
// task, in any order: it changes when a file or the set of files changes.
func (s *Store) Digest(taskID string, paths []string) (string, error) {
	h := sha256.New()
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		f, file, err := s.Open(taskID, path)
		if err != nil {
			return "", err
		}
		if err := f.Close(); err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s\n%s\n", path, file.SHA256) // no path has a line break
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
