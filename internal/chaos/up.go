package chaos

import (
	"context"
	"fmt"
	"time"
)

// startTime is how long a system may take to be up.
const startTime = time.Minute

// await waits until all of the system works.
func (s *System) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("the system in %s was not up within %s", s.dir, startTime))
	defer cancel()
	for {
		err := s.works(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// works tells what of the system does not answer yet.
func (s *System) works(ctx context.Context) error {
	for name, p := range s.processes {
		if err := p.failure(); err != nil {
			return err
		}
		if _, ok := p.up(); !ok {
			return fmt.Errorf("%s does not run", name)
		}
	}
	for _, c := range clients {
		if _, err := s.status(ctx, c); err != nil {
			return fmt.Errorf("client %s: %w", c, err)
		}
		if err := s.get(ctx, "/clients/"+c, nil); err != nil {
			return fmt.Errorf("the cloud does not know client %s: %w", c, err)
		}
	}
	return nil
}
