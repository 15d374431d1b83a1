package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/agata-fl/agata/internal/keyring"
)

// disown revokes a client's credential and, after the fault's time, enrols it anew,
// as an operator does whose client lost a disk. Both are asked for until they are
// done.
func (s *System) disown(ctx context.Context, f Step, wait func()) error {
	s.turns[f.Target].Lock()
	defer s.turns[f.Target].Unlock()
	within := max(actionTime, s.opt.Bound)
	ctx, cancel := context.WithTimeoutCause(ctx, 2*within, fmt.Errorf("the credential of client %s was not replaced within %s", f.Target, 2*within))
	defer cancel()
	err := insist(ctx, func() error {
		err := s.send(ctx, http.MethodDelete, "/clients/"+f.Target+"/credential", "", nil, nil)
		if r, ok := errors.AsType[*refused](err); ok && r.status == http.StatusNotFound {
			return nil // an earlier try took it away
		}
		return err
	})
	if err != nil {
		return err
	}
	wait()
	return insist(ctx, func() error {
		var issued struct{ Token string }
		if err := s.send(ctx, http.MethodPost, "/enrolments", "", map[string]any{"client": f.Target, "hours": 1}, &issued); err != nil {
			return err
		}
		var made struct{ Credential string }
		if err := s.send(ctx, http.MethodPost, "/enrol", "", map[string]string{"token": issued.Token, "user_id": f.Target}, &made); err != nil {
			return err
		}
		return keyring.SetCredential(filepath.Join(s.dir, f.Target+"-gateway", "client.credential"), made.Credential)
	})
}

// insist tries until it succeeds or ctx ends.
func insist(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		if sleep(ctx, 150*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}
