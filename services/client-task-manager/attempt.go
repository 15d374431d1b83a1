package clienttaskmanager

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/contract"
)

// maxAttempts bounds how many tasks' failing attempts are remembered.
const maxAttempts = 1024

// attempts remembers which failures to begin a task were told, so that one that
// is met again every second is told once.
type attempts struct {
	mu   sync.Mutex
	told map[string]attempt // by task
}

type attempt struct {
	reason policy.Reason
	at     time.Time
}

// news says whether a failure is worth telling: it is the first since the task
// last ran, or has another reason, or the last one was told long ago.
func (a *attempts) news(task string, reason policy.Reason, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if before, ok := a.told[task]; ok && before.reason == reason && now.Sub(before.at) < retell {
		return false
	}
	if a.told == nil || len(a.told) >= maxAttempts {
		a.told = map[string]attempt{}
	}
	a.told[task] = attempt{reason, now}
	return true
}

func (a *attempts) succeeded(task string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.told, task)
}

// refuse ends a launch that came to no process. The history is told of it as of
// an execution that failed, without a process and without output: what a client
// tried, and why it could not, is part of how its task stands there.
func (s *Service) refuse(ctx context.Context, key policy.Key, began time.Time, reason policy.Reason, err error) outcome {
	o := outcome{taskID: key.Task, result: failed, reason: reason, detail: err.Error(), held: s.quarantine.fail(key, reason)}
	if isFromDisk(ctx) && reason == contract.ReasonDownloadFailed {
		return o // it is tried again when the cloud answers
	}
	if ctx.Err() != nil || !s.attempts.news(key.Task, reason, time.Now()) {
		return o // the service stops, or this is known
	}
	about := contract.About{Task: key.Task, Execution: uuid.Must(uuid.NewV7()).String()}
	s.base.Event(ctx, about, "_run_task_one_policy", "Failed to begin task "+key.Task+": "+string(reason))
	s.tellRun(ctx, about, contract.ExecutionRun{
		State: contract.StateFailed, Started: unix(began), Ended: unix(time.Now()),
		Reason: reason, Detail: launch.Shorten(o.detail, maxText), Quarantined: o.held,
	})
	return o
}

// fetchReason is the reason of a failed download.
func fetchReason(err error) policy.Reason {
	if errors.Is(err, artifact.ErrDigest) {
		return contract.ReasonBadDigest
	}
	return contract.ReasonDownloadFailed
}
