package clienttaskmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/atomicfile"
	"github.com/agata-fl/agata/pkg/contract"
)

// fromDiskKey marks the context of a launch for which the files of the last
// download will do, since the cloud is away. What a launch does in between need not
// know of it.
type fromDiskKey struct{}

func withFromDisk(ctx context.Context) context.Context {
	return context.WithValue(ctx, fromDiskKey{}, true)
}

func isFromDisk(ctx context.Context) bool { return ctx.Value(fromDiskKey{}) != nil }

// launchFromDisk starts a task that ran when the cloud was last heard, from the
// files of its last download. Nothing is downloaded, and so nothing of a download is
// on the timeline.
func (s *Service) launchFromDisk(ctx context.Context, t contract.OfferedTask) outcome {
	s.base.Event(ctx, contract.About{Task: t.ID}, "_run_task_one_policy", "Starting task from disk: the cloud does not answer")
	o := s.launch(withFromDisk(ctx), t, true)
	switch {
	case o.result == launched:
		s.log.Warn("the cloud does not answer: a task was started from disk", "task_id", t.ID, "execution_id", o.exec.proc.ID())
	case o.result == failed && o.reason == contract.ReasonDownloadFailed:
		s.log.Warn("the cloud does not answer, and a task cannot be started from disk", "task_id", t.ID, "detail", o.detail)
		o.result = notOnDisk
	}
	return o
}

// fetcher fetches tasks' files and remembers their digests, so that without a
// network it can tell whether they are still what was downloaded.
type fetcher struct {
	*artifact.Fetcher
	dir string // of the digests: downloads/ in the data folder
	log *slog.Logger
}

func newFetcher(opt Options, log *slog.Logger) (*fetcher, error) {
	f, err := artifact.NewFetcher(artifact.FetcherOptions{BaseURL: opt.FilesURL, TLS: opt.TLS, Limits: opt.FilesLimits})
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(opt.Data, "downloads")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of downloads: %w", err)
	}
	return &fetcher{Fetcher: f, dir: dir, log: log}, nil
}

// Fetch is [artifact.Fetcher.Fetch], or [artifact.Present] for a launch from disk.
func (f *fetcher) Fetch(ctx context.Context, req artifact.Request) ([]artifact.File, error) {
	if isFromDisk(ctx) {
		known, err := f.known(req.TaskID)
		if err != nil {
			return nil, err
		}
		return artifact.Present(req, known)
	}
	files, err := f.Fetcher.Fetch(ctx, req)
	if err == nil {
		f.remember(req.TaskID, files)
	}
	return files, err
}

// download is a file of a task as it came.
type download struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// downloads is what is on disk of a task's.
type downloads struct {
	Version int        `json:"version"`
	Files   []download `json:"files"` // by path
}

// maxDownloads bounds what is remembered of a task: it may have changed its files
// often.
const maxDownloads = 4096

func (f *fetcher) path(task string) string { return filepath.Join(f.dir, "task_"+task+".json") }

func (f *fetcher) read(task string) (d downloads, err error) {
	b, err := os.ReadFile(f.path(task))
	if err != nil {
		return d, fmt.Errorf("task %s: %w: the digests of its files: %w", task, artifact.ErrNotFound, err)
	}
	if err := json.Unmarshal(b, &d); err != nil || d.Version != 1 {
		return downloads{}, fmt.Errorf("task %s: %w: the digests of its files in %s cannot be read", task, artifact.ErrNotFound, f.path(task))
	}
	return d, nil
}

// known returns what an earlier fetch brought.
func (f *fetcher) known(task string) ([]artifact.File, error) {
	if err := artifact.ValidTaskID(task); err != nil {
		return nil, err
	}
	d, err := f.read(task)
	files := make([]artifact.File, len(d.Files))
	for i, g := range d.Files {
		files[i] = artifact.File{Path: g.Path, Size: g.Size, SHA256: g.SHA256}
	}
	return files, err
}

// remember writes down what a fetch brought, if it is new. A task whose files may
// not be remembered runs; it only does not start without a network.
func (f *fetcher) remember(task string, files []artifact.File) {
	before, _ := f.read(task)
	d := downloads{Version: 1, Files: slices.Clone(before.Files)}
	if len(d.Files) > maxDownloads {
		d.Files = nil
	}
	for _, file := range files {
		g := download{file.Path, file.Size, file.SHA256}
		if at, ok := slices.BinarySearchFunc(d.Files, g.Path, func(g download, path string) int { return strings.Compare(g.Path, path) }); ok {
			d.Files[at] = g
		} else {
			d.Files = slices.Insert(d.Files, at, g)
		}
	}
	if before.Version == 1 && slices.Equal(before.Files, d.Files) {
		return
	}
	b, err := json.MarshalIndent(d, "", " ")
	if err == nil {
		err = atomicfile.Write(f.path(task), b)
	}
	if err != nil {
		f.log.Warn("the digests of a task's files are not on disk: it will not start without a network", "task_id", task, "err", err)
	}
}
