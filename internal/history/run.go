package history

import (
	"context"
	"time"

	"github.com/agata-fl/agata/internal/database"
)

const (
	pruneEvery = 10 * time.Minute
	seenEvery  = 2 * time.Second
)

// Run writes which clients were seen, and removes what is too old or too much,
// until ctx ends. It begins at once.
func (s *Store) Run(ctx context.Context) error {
	prune, seen := time.NewTicker(pruneEvery), time.NewTicker(seenEvery)
	defer prune.Stop()
	defer seen.Stop()
	var others <-chan time.Time // nil: there are none
	if s.db.Engine() == database.PostgreSQL {
		follow := time.NewTicker(followEvery)
		defer follow.Stop()
		others = follow.C
	}
	for {
		if err := s.prune(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("what is too old could not be removed from the history", "err", err)
		}
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return nil
			case <-seen.C:
				if err := s.writeSeen(ctx); err != nil && ctx.Err() == nil {
					s.log.Error("which clients were seen could not be written", "err", err)
				}
			case <-others:
				if err := s.follow(ctx); err != nil && ctx.Err() == nil {
					s.log.Error("what other gateways wrote into the history could not be read", "err", err)
				}
			case <-prune.C:
				again = true
			case <-s.full:
				again = true
			}
		}
	}
}
