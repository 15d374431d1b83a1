package cloudtaskmanager

import (
	"errors"
	"fmt"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/bundle"
	"github.com/agata-fl/agata/pkg/rpc"
)

// verify makes sure, right before a program of a task is started, that the task's
// bundle is not revoked and, where an allow-list is set, that the folder holds
// exactly what a trusted signer signed for it. It returns the digest of the
// bundle, "" if the task has none.
func (s *Service) verify(taskID string) (digest string, err error) {
	if s.opt.TrustedKeys == "" {
		if digest, err = s.bundleOf(taskID); err == nil {
			err = s.allowed(taskID, digest)
		}
		return digest, err
	}
	v, err := s.verifyFolder(taskID)
	switch {
	case errors.Is(err, bundle.ErrUntrusted), errors.Is(err, bundle.ErrContent), errors.Is(err, bundle.ErrKey):
		return "", rpc.Errorf(rpc.Forbidden, "task %s is not started: %w; upload it signed: agata task upload --sign KEY", taskID, err)
	case err != nil:
		return "", fmt.Errorf("verify task %s: %w", taskID, err)
	}
	return v.Digest, s.allowed(taskID, v.Digest)
}

func (s *Service) verifyFolder(taskID string) (v bundle.Verified, err error) {
	trusted, err := bundle.LoadKeys(s.opt.TrustedKeys) // now: it may have changed
	if err != nil {
		return v, err
	}
	root, err := bundle.OpenFolder(s.folder(taskID))
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if v, err = bundle.ReadVerified(root, taskID, trusted); err != nil {
		return v, err
	}
	// Python leaves its compiled code here, and would run it unseen. Whatever else
	// is not signed is an operator's, and not ours to remove.
	if err := bundle.CleanCaches(root); err != nil {
		return v, err
	}
	return v, v.Manifest.Check(root, v.Manifest.Paths())
}

// bundleOf is the digest of the manifest among a task's files; "" if there is none.
func (s *Service) bundleOf(taskID string) (string, error) {
	f, file, err := s.files.Open(taskID, bundle.ManifestName)
	if errors.Is(err, artifact.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return file.SHA256, f.Close()
}
