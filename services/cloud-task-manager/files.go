package cloudtaskmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/audit"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// listTaskFiles lists a task's files, and those that clients are to download and
// that nobody has uploaded.
func (s *Service) listTaskFiles(ctx context.Context, req contract.TaskIDRequest) (contract.TaskFiles, error) {
	answer := contract.TaskFiles{Files: []contract.TaskFile{}, Missing: []string{}}
	t, err := s.registered(ctx, req.TaskID)
	if err != nil {
		return answer, err
	}
	files, err := s.files.List(t.id)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) { // nothing was uploaded yet
		return answer, err
	}
	there := make(map[string]bool, len(files))
	for _, f := range files {
		there[f.Path] = true
		answer.Files = append(answer.Files, contract.TaskFile{Path: f.Path, Size: f.Size, SHA256: f.SHA256, Client: slices.Contains(t.filesPaths, f.Path)})
	}
	for _, path := range t.filesPaths {
		if !there[path] {
			there[path] = true // once
			answer.Missing = append(answer.Missing, path)
		}
	}
	return answer, nil
}

// deleteTaskFile deletes a file of a task that does not run: clients of one that
// runs may be about to download it.
func (s *Service) deleteTaskFile(ctx context.Context, req contract.TaskFileRequest) (none contract.None, err error) {
	about := contract.About{Task: req.TaskID}
	s.base.Event(ctx, about, contract.DeleteTaskFile.Name, "Started deleting task file")
	if err := artifact.ValidPath(req.Path); err != nil {
		return none, rpc.Errorf(rpc.Invalid, "path: %w", err)
	}
	done, err := s.turns.lock(ctx, req.TaskID)
	if err != nil {
		return none, err
	}
	defer done()
	if err := s.idle(ctx, req.TaskID); err != nil {
		return none, err
	}
	err = s.files.RemoveFile(req.TaskID, req.Path)
	if errors.Is(err, artifact.ErrNotFound) {
		return none, rpc.Errorf(rpc.NotFound, "%w", err)
	}
	if err != nil {
		return none, err
	}
	// The file is gone, whether or not that can be remembered.
	call, _ := baseservice.CallFrom(ctx)
	if err := s.store.remember(context.WithoutCancel(ctx), call); err != nil {
		s.log.Warn("the deletion of a file may be carried out again", "task_id", req.TaskID, "path", req.Path, "err", err)
	}
	s.log.Info("deleted a file of a task", "task_id", req.TaskID, "path", req.Path)
	s.base.Event(ctx, about, contract.DeleteTaskFile.Name, "Finished deleting task file")
	return none, nil
}

// received puts an upload on the timeline.
func (s *Service) received(ctx context.Context, taskID string, files []artifact.File) {
	s.rebundled(taskID, files)
	if s.shared != nil {
		if err := s.store.filed(context.WithoutCancel(ctx), taskID); err != nil {
			s.log.Error("the other task managers were not told of an upload: update the task, or upload again", "task_id", taskID, "err", err)
		}
	}
	what := fmt.Sprintf("%d files", len(files))
	if len(files) == 1 {
		what = files[0].Path
	}
	s.base.Event(ctx, contract.About{Task: taskID}, "upload_files", "Received "+what)
	s.notify(contract.ChangeUpdated, taskID, "")
	// The files are there: an entry that cannot be written is in the log of the service.
	_ = s.opt.Audit.Append(audit.Entry{
		Who: rpc.IdentityFrom(ctx), Action: "upload_files", On: taskID, Outcome: audit.OK, Arguments: digests(files), Trace: rpc.TraceFrom(ctx),
	})
}

// digests are the received files as the audit log has them; nil if they are too
// many for it.
func digests(files []artifact.File) json.RawMessage {
	byPath := map[string]string{}
	for _, f := range files {
		byPath[f.Path] = f.SHA256
	}
	b, err := json.Marshal(byPath)
	if err != nil { // cannot be: texts
		return nil
	}
	return b
}
