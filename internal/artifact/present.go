package artifact

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Present describes the files of a task as Fetch does, without the network: those
// of req.Paths that are in req.Dir, if each is what known says of it, the files
// that an earlier Fetch gave. The first that is not ends it, with an error that
// wraps ErrNotFound (nothing is known of it, or it is gone), ErrDigest, ErrBadPath,
// or an error of the disk.
func Present(req Request, known []File) ([]File, error) {
	paths, err := uniquePaths(req, Limits{}.withDefaults())
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(req.Dir)
	if err != nil {
		return nil, fmt.Errorf("task %s: %w: %w", req.TaskID, ErrNotFound, err)
	}
	defer root.Close()
	byPath := map[string]File{}
	for _, f := range known {
		byPath[f.Path] = f
	}
	files := make([]File, len(paths))
	for i, path := range paths {
		want, ok := byPath[path]
		if !ok {
			return nil, fmt.Errorf("task %s: file %s: %w: it was never downloaded whole", req.TaskID, path, ErrNotFound)
		}
		if files[i], err = present(root, want); err != nil {
			return nil, fmt.Errorf("task %s: file %s: %w", req.TaskID, path, err)
		}
	}
	return files, nil
}

func present(root *os.Root, want File) (File, error) {
	info, err := root.Lstat(want.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return File{}, fmt.Errorf("%w on this disk", ErrNotFound)
	case err != nil:
		return File{}, err
	case !info.Mode().IsRegular():
		return File{}, fmt.Errorf("%w %q: it is no regular file", ErrBadPath, want.Path)
	case info.Size() != want.Size:
		return File{}, fmt.Errorf("%w: it has %d bytes, and had %d", ErrDigest, info.Size(), want.Size)
	}
	f, err := root.Open(want.Path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	sum, err := hashOf(io.LimitReader(f, want.Size))
	if err == nil && sum != want.SHA256 {
		err = fmt.Errorf("%w: its digest begins with %.12s, and began with %.12s", ErrDigest, sum, want.SHA256)
	}
	return File{want.Path, info.Size(), sum, info.ModTime()}, err
}
