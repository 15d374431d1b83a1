package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/apiclient"
	"github.com/agata-fl/agata/pkg/contract"
)

// errEnded ends a stream whose task has ended.
var errEnded = errors.New("the task has ended")

// whileRunning runs a stream of what a task does until some time after the task
// has ended, or until ctx ends, which is how people leave it.
func (c *cli) whileRunning(ctx context.Context, api *apiclient.Client, id string, linger time.Duration, stream func(context.Context) error) (last contract.TaskDetail, ended bool, err error) {
	g, live := errgroup.WithContext(ctx)
	g.Go(func() error { return stream(live) })
	g.Go(func() (err error) {
		if last, err = c.watchEnd(live, api, id); errors.Is(err, errEnded) {
			select {
			case <-live.Done():
			case <-time.After(linger):
			}
		}
		return err
	})
	if err = g.Wait(); errors.Is(err, errEnded) {
		return last, true, nil
	}
	return last, false, err
}

// watchEnd looks at a task until it has ended, which is errEnded, or ctx ends,
// which is nil.
func (c *cli) watchEnd(ctx context.Context, api *apiclient.Client, id string) (last contract.TaskDetail, err error) {
	told := false
	err = until(ctx, 0, "", func(ctx context.Context) (bool, error) {
		task, err := api.Task(ctx, id)
		if err != nil {
			return false, err
		}
		last = task.Value.TaskDetail
		if last.State == "new" && !told {
			told = true
			fmt.Fprintf(c.err, "task %s has not been started yet; its lines come when it is\n", id)
		}
		return last.State != "running" && last.State != "new", nil
	})
	switch {
	case ctx.Err() != nil:
		return last, nil
	case err == nil:
		err = errEnded
	}
	return last, err
}
