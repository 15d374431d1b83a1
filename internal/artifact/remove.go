package artifact

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Remove deletes all files of a task. The folder leaves its place in one step, so
// that neither a crash nor an upload for a new task of the same id meets half of
// it: what is left of one that could not be deleted goes with the next NewStore.
// A task without files is fine. Files that are open stay readable.
func (s *Store) Remove(taskID string) error {
	if err := ValidTaskID(taskID); err != nil {
		return err
	}
	trash, err := s.discardTask(taskID)
	if err != nil {
		return fmt.Errorf("task %s: delete its files: %w", taskID, err)
	}
	if trash != "" {
		_ = s.root.RemoveAll(trash) // what cannot go now goes with the next sweep
	}
	return nil
}

// discardTask moves a task's folder out of its place, to trash; "" if it has none.
func (s *Store) discardTask(taskID string) (trash string, err error) {
	s.commit.Lock()
	defer s.commit.Unlock()
	if _, err := s.root.Lstat(taskFolder(taskID)); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	if err := s.root.MkdirAll(stagingFolder, 0o700); err != nil {
		return "", err
	}
	trash = path.Join(stagingFolder, discardedMark+rand.Text())
	if err := s.root.Rename(taskFolder(taskID), trash); err != nil {
		return "", err
	}
	return trash, syncDir(s.root, ".")
}

// RemoveFile deletes one regular file of a task, and folders that are empty then;
// the task's own folder stays. ErrBadPath or ErrNotFound say that nothing was done.
func (s *Store) RemoveFile(taskID, name string) error {
	if err := ValidPath(name); err != nil {
		return fmt.Errorf("task %s: %w", taskID, err)
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	task, err := s.openTask(taskID)
	if err != nil {
		return err
	}
	defer task.Close()
	switch info, err := task.Lstat(name); {
	case err != nil:
		return fmt.Errorf("task %s: file %s: %w (%w)", taskID, name, ErrNotFound, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("task %s: file %s: %w (not a regular file)", taskID, name, ErrNotFound)
	}
	if err := task.Remove(name); err != nil {
		return fmt.Errorf("task %s: delete file %s: %w", taskID, name, err)
	}
	dir := path.Dir(name)
	for ; dir != "."; dir = path.Dir(dir) {
		// A link to a folder is nothing of ours, and a folder may hold other files.
		if info, err := task.Lstat(dir); err != nil || !info.IsDir() || task.Remove(dir) != nil {
			break
		}
	}
	if err := syncDir(task, dir); err != nil {
		return fmt.Errorf("task %s: delete file %s: %w", taskID, name, err)
	}
	return nil
}
