// Package atomicfile replaces files in one step: after a crash, of the process or
// of the machine, there is the old content or the new one, and nothing between.
package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write makes data the content of the file at path, which only its owner may read.
// The folder must exist.
func Write(path string, data []byte) error { return WriteMode(path, data, 0o600) }

// WriteMode is [Write] of a file that has the mode, whatever the umask.
func WriteMode(path string, data []byte, mode os.FileMode) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails once it has been renamed, as it should
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
