package clienttaskmanager_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/contract"
	clienttaskmanager "github.com/agata-fl/agata/services/client-task-manager"
)

// What comes to no process is told all the same, once, and then how it went on.
func TestAFailedAttemptIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		break_ func(b *bench, o *clienttaskmanager.Options, task *contract.OfferedTask)
		mend   func(b *bench)
		reason contract.Reason
		detail string
	}{
		"no file": {
			func(b *bench, _ *clienttaskmanager.Options, task *contract.OfferedTask) {
				_ = os.Rename(filepath.Join(b.work, "tasks", "task_a", "client.py"), filepath.Join(b.work, "away"))
			},
			func(b *bench) {
				_ = os.Rename(filepath.Join(b.work, "away"), filepath.Join(b.work, "tasks", "task_a", "client.py"))
			},
			contract.ReasonDownloadFailed, "client.py",
		},
		"no interpreter": {
			func(b *bench, o *clienttaskmanager.Options, _ *contract.OfferedTask) {
				o.Python = filepath.Join(b.dir, "python")
			},
			func(b *bench) {
				real, err := exec.LookPath("python3")
				if err == nil {
					err = os.Symlink(real, filepath.Join(b.dir, "python"))
				}
				if err != nil {
					b.t.Error(err)
				}
			},
			contract.ReasonStartFailed, "no such file",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			task := b.task("a", finishes)
			b.start(func(o *clienttaskmanager.Options) {
				o.RestartAttempts = 100
				tc.break_(b, o, &task)
			})
			b.offer(task)
			r := b.becomes("a", "failed")
			run := r.Run
			if run.Reason != tc.reason || !strings.Contains(run.Detail, tc.detail) || run.PID != 0 || run.ExitCode != nil || run.Signal != nil ||
				run.Started == 0 || run.Ended < run.Started || r.Execution == "" {
				t.Errorf("the attempt: %+v, %+v", r, run)
			}
			tries := b.pollCount()
			testenv.Eventually(t, patience, "it was tried again", func() bool { return b.pollCount() > tries+4 })
			if all := b.history(contract.RecordExecution, "a"); len(all) != 1 {
				t.Errorf("it was told %d times", len(all))
			}
			tc.mend(b)
			b.becomes("a", "finished")
		})
	}
}

// One whose shim was killed has an end as well.
func TestALostExecutionIsTold(t *testing.T) {
	b := setup(t)
	b.offer(b.task("a", "print('half way', flush=True)\n"+forever))
	b.start(func(o *clienttaskmanager.Options) { o.Interval = time.Minute })
	r := b.becomes("a", "running")
	testenv.Eventually(t, patience, "it prints", func() bool {
		out, _ := os.ReadFile(shim.StdoutPath(filepath.Join(b.dir, "data", "executions", r.Execution)))
		return strings.Contains(string(out), "half way")
	})
	stat, err := shim.ReadStat(r.Run.PID)
	if err != nil {
		t.Fatal(err)
	}
	kill(t, stat.Parent)
	run := b.becomes("a", "failed").Run
	if run.Reason != contract.ReasonLost || run.ExitCode != nil || run.Signal != nil || run.Quarantined || strings.Join(run.LastLines, "") != "half way" {
		t.Errorf("its end: %+v", run)
	}
}
