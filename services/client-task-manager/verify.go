package clienttaskmanager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

// errRevoked: the bundle of a task must not run any more.
var errRevoked = errors.New("the task's bundle was revoked")

// fetch brings a task's files and tells the digest of its bundle, "" for a task
// without one. With an allow-list set it brings only what a trusted signer signed
// for this very task; without, the cloud is believed.
func (s *Service) fetch(ctx context.Context, t contract.OfferedTask) (files []artifact.File, digest string, err error) {
	req := artifact.Request{TaskID: t.ID, User: t.Username, Password: t.Password, Token: t.DownloadToken, Paths: t.FilesPaths, Dir: s.taskDir(t.ID)}
	if s.opt.TrustedKeys == "" {
		if err := s.revoked.check(t.Bundle); err != nil {
			return nil, "", err
		}
		files, err := s.fetcher.Fetch(ctx, req)
		return files, t.Bundle, err
	}
	trusted, err := bundle.LoadKeys(s.opt.TrustedKeys) // now: it may have changed
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", bundle.ErrUntrusted, err)
	}
	if err := os.MkdirAll(req.Dir, 0o755); err != nil {
		return nil, "", fmt.Errorf("make the task's folder: %w", err)
	}
	root, err := bundle.OpenFolder(req.Dir)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	if err := s.fetchBundle(ctx, req); err != nil {
		return nil, "", err
	}
	v, err := bundle.ReadVerified(root, t.ID, trusted)
	if err != nil {
		return nil, "", err
	}
	if err := s.revoked.check(v.Digest); err != nil {
		return nil, v.Digest, err
	}
	req.Paths, req.Expect = signedPaths(t), map[string]artifact.Content{}
	for _, path := range req.Paths {
		f, ok := v.Manifest.Find(path)
		if !ok {
			return nil, v.Digest, fmt.Errorf("%w: the cloud wants the file %q run as well, which was not signed", bundle.ErrUntrusted, path)
		}
		req.Expect[path] = artifact.Content{Size: f.Size, SHA256: f.SHA256}
	}
	if files, err = s.fetcher.Fetch(ctx, req); err != nil {
		return nil, v.Digest, err
	}
	removed, err := bundle.Clean(root, req.Paths)
	if len(removed) > 0 {
		s.log.Info("removed what is none of a task's signed files from its folder", "task_id", t.ID, "removed", removed)
	}
	return files, v.Digest, err
}

// fetchBundle brings the two files of the bundle. A task that has none is not
// trusted.
func (s *Service) fetchBundle(ctx context.Context, req artifact.Request) error {
	req.Paths, req.MaxFileBytes = []string{bundle.ManifestName, bundle.SignatureName}, bundle.MaxManifest
	_, err := s.fetcher.Fetch(ctx, req)
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrTooLarge) {
		return fmt.Errorf("%w: the cloud has no bundle of it: %w", bundle.ErrUntrusted, err)
	}
	return err
}

// verify makes sure, right before a start, that what lies on the disk is what was
// signed, and nothing else, and returns the digest of its bundle.
func (s *Service) verify(t contract.OfferedTask, digest string) (string, error) {
	if s.opt.TrustedKeys == "" {
		return digest, s.revoked.check(digest)
	}
	trusted, err := bundle.LoadKeys(s.opt.TrustedKeys)
	if err != nil {
		return digest, fmt.Errorf("%w: %w", bundle.ErrUntrusted, err)
	}
	root, err := bundle.OpenFolder(s.taskDir(t.ID))
	if err != nil {
		return digest, err
	}
	defer root.Close()
	v, err := bundle.ReadVerified(root, t.ID, trusted)
	if err != nil {
		return digest, err
	}
	if err := v.Manifest.Check(root, signedPaths(t)); err != nil {
		return v.Digest, err
	}
	return v.Digest, s.revoked.check(v.Digest)
}

// signedPaths are the files of a task that its bundle is about.
func signedPaths(t contract.OfferedTask) (paths []string) {
	for _, path := range t.FilesPaths {
		if !bundle.IsBundle(path) && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// verdict is the reason of a launch that failed, if it was because of trust; else
// the one that is given.
func (s *Service) verdict(err error, otherwise policy.Reason) policy.Reason {
	switch {
	case errors.Is(err, errRevoked):
		return contract.ReasonRevoked
	case errors.Is(err, bundle.ErrUntrusted):
		return contract.ReasonUntrusted
	case errors.Is(err, bundle.ErrContent), s.opt.TrustedKeys != "" && errors.Is(err, artifact.ErrDigest):
		return contract.ReasonBadDigest
	}
	return otherwise
}
