package apiclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	stdpath "path"
	"time"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// partialSuffix marks a download in progress, beside its final name; the names of
// tasks' files never end in it.
const partialSuffix = ".partial"

// errBroke is a transfer that may go on where it stopped.
var errBroke = errors.New("the transfer broke off")

// errDigest is a file whose bytes are not those that were listed.
var errDigest = errors.New("its content is not what the cloud listed")

// Download brings a file of a task into a folder, under its own path. What an
// earlier attempt left goes on where it stopped; the file takes its name only when
// its size and digest are those that the cloud listed. moved is told of every
// piece that is there, those of earlier attempts too.
func (c *Client) Download(ctx context.Context, task string, file contract.TaskFile, into *os.Root, moved func(n int64)) error {
	if err := artifact.ValidPath(file.Path); err != nil {
		return err
	}
	if dir := stdpath.Dir(file.Path); dir != "." {
		if err := into.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	d := download{Client: c, target: filePath(task, file.Path), file: file, into: into, moved: moved}
	var err error
	for n := range attempts {
		err = d.attempt(ctx)
		if err == nil {
			return into.Rename(file.Path+partialSuffix, file.Path)
		}
		// Bytes of another content that an earlier attempt left are no reason to
		// give up: it starts over.
		again := errors.Is(err, errBroke) || errors.Is(err, errDigest) && d.resumed
		if !again || ctx.Err() != nil || !sleep(ctx, c.pause<<n) {
			break
		}
	}
	return fmt.Errorf("download %s: %w", file.Path, err)
}

type download struct {
	*Client
	target  string
	file    contract.TaskFile
	into    *os.Root
	moved   func(int64)
	told    int64 // bytes that moved knows of
	resumed bool  // the last attempt went on from an earlier one
}

// attempt goes on with the partial file, or begins it.
func (d *download) attempt(ctx context.Context) (err error) {
	f, err := d.into.OpenFile(d.file.Path+partialSuffix, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if errors.Is(err, errDigest) {
			err = errors.Join(err, d.into.Remove(d.file.Path+partialSuffix))
		}
	}()
	sum := sha256.New()
	have, err := io.Copy(sum, f)
	if err != nil {
		return err
	}
	d.resumed = have > 0
	if have > d.file.Size {
		return errDigest
	}
	if have < d.file.Size {
		if have, err = d.fetch(ctx, f, sum, have); err != nil {
			return err
		}
	} else {
		d.tell(have)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); have != d.file.Size || got != d.file.SHA256 {
		return rpc.Errorf(rpc.Internal, "%w: %d bytes with SHA-256 %s instead of %d with %s", errDigest, have, got, d.file.Size, d.file.SHA256)
	}
	return nil
}

// tell tells how far the file is; a start over moves nothing back.
func (d *download) tell(have int64) {
	if have > d.told {
		d.moved(have - d.told)
		d.told = have
	}
}

// fetch appends what the partial file lacks, and returns its size.
func (d *download) fetch(ctx context.Context, f *os.File, sum hash.Hash, have int64) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(d.stall, func() { cancel(errStalled) })
	defer watch.Stop()
	header := http.Header{"Accept": {"*/*"}}
	if have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := d.send(ctx, request{method: http.MethodGet, path: d.target, query: url.Values{}, header: header})
	if p, ok := errors.AsType[*Problem](err); ok && p.Status == http.StatusRequestedRangeNotSatisfiable {
		return have, rpc.Errorf(rpc.Internal, "%w: it has become shorter", errDigest)
	}
	if err != nil {
		return have, stalled(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent && have > 0 { // the whole of it
		have = 0
		sum.Reset()
		if err := f.Truncate(0); err != nil {
			return have, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return have, err
		}
	}
	d.tell(have)
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		watch.Reset(d.stall)
		if have+int64(n) > d.file.Size {
			return have, rpc.Errorf(rpc.Internal, "%w: it has more than %d bytes", errDigest, d.file.Size)
		}
		if _, werr := f.Write(buf[:n]); werr != nil {
			return have, werr
		}
		sum.Write(buf[:n])
		have += int64(n)
		d.tell(have)
		switch {
		case err == io.EOF:
			return have, nil
		case err != nil && ctx.Err() != nil:
			return have, stalled(ctx, ctx.Err())
		case err != nil:
			return have, rpc.Errorf(rpc.Unavailable, "%w after %d of %d bytes: %v", errBroke, have, d.file.Size, err)
		}
	}
}

// Holds tells whether a folder has the file already, and, if there is another under
// its name, that it is there.
func Holds(folder *os.Root, file contract.TaskFile) (same, there bool, err error) {
	info, err := folder.Lstat(file.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() != file.Size {
		return false, true, err
	}
	f, err := folder.Open(file.Path)
	if err != nil {
		return false, true, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, true, err
	}
	return hex.EncodeToString(sum.Sum(nil)) == file.SHA256, true, nil
}
