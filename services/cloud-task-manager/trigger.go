package cloudtaskmanager

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/argv"
	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

// triggerTime bounds the run of a trigger.
const triggerTime = time.Minute

// trigger runs one of the task's own programs beside its server. Whatever goes
// wrong with it is logged; the task goes on.
func (s *Service) trigger(r *run, report taskreporter.Trigger) {
	if err := s.beginTrigger(r, report); err != nil {
		s.log.Error("a trigger was not run", "task_id", r.taskID, "trigger", report.Name, "err", err)
	}
}

func (s *Service) beginTrigger(r *run, report taskreporter.Trigger) error {
	script, err := triggerScript(r.dir, report.Name)
	if err != nil {
		return err
	}
	words, err := argv.Split(report.Arguments)
	if err != nil {
		return fmt.Errorf("its arguments: %w", err)
	}
	leave, err := s.gate.enter()
	if err != nil {
		return err
	}
	defer leave()
	select {
	case r.triggers <- struct{}{}:
	default:
		return fmt.Errorf("%d triggers of the task run already: let one end first", maxTriggers)
	}
	s.triggers.Go(func() {
		defer func() { <-r.triggers }()
		ctx, cancel := context.WithTimeoutCause(s.life, triggerTime, fmt.Errorf("it ran for longer than %s", triggerTime))
		defer cancel()
		log := s.log.With("task_id", r.taskID, "trigger", report.Name)
		exit, err := s.runTrigger(ctx, r.taskID, append([]string{s.opt.Python, script}, words...), func(line supervise.Line) {
			log.Info("output of a trigger", "stream", string(line.Stream), "text", line.Text)
		})
		if err != nil || exit.Reason != supervise.ReasonExited {
			log.Error("a trigger failed", "reason", string(exit.Reason), "code", exit.Code, "err", err)
			return
		}
		log.Info("a trigger ended", "took", exit.EndedAt.Sub(exit.StartedAt))
	})
	return nil
}

// triggerScript finds a trigger's program. The name comes from the task, and may
// not lead anywhere else.
func triggerScript(dir, name string) (string, error) {
	file := name + ".py"
	if strings.Contains(name, "/") || name == "" {
		return "", fmt.Errorf("%q is no trigger's name: give the name of a file in the task's folder, without .py", name)
	}
	if err := artifact.ValidPath(file); err != nil {
		return "", err
	}
	script := filepath.Join(dir, file)
	if !launch.IsFile(script) {
		return "", fmt.Errorf("%s is not there: upload it with the task's other files", script)
	}
	return script, nil
}

// runTrigger runs a program to its end, or to that of ctx.
func (s *Service) runTrigger(ctx context.Context, taskID string, command []string, output func(supervise.Line)) (exit supervise.Exit, err error) {
	t, err := s.registered(ctx, taskID)
	if err != nil {
		return exit, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return exit, err
	}
	if _, err := s.verify(taskID); err != nil {
		return exit, err
	}
	proc, err := s.procs.Start(ctx, s.spec(t, id.String(), roleTrigger, command, ""))
	if err != nil {
		return exit, err
	}
	defer func() { err = errors.Join(err, proc.Remove()) }()
	stop := ctx.Done()
	for {
		select {
		case line, ok := <-proc.Lines():
			if !ok {
				exit, _ = proc.Exit()
				return exit, err
			}
			output(line)
		case <-stop:
			stop = nil
			err = errors.Join(context.Cause(ctx), proc.Stop(context.Background()))
		}
	}
}
