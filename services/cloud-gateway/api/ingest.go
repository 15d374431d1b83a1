package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

const (
	// ingestPause is how long the history is left alone after it failed to store;
	// it doubles up to ingestMost.
	ingestPause = time.Second
	ingestMost  = 30 * time.Second
	// storeTimeout bounds the storing of a batch.
	storeTimeout = 30 * time.Second
)

// Ingest stores what the cloud's services tell on the broker until ctx ends. What
// could not be stored stays on the queue.
func (a *API) Ingest(ctx context.Context) error {
	return a.opt.Transport.SubscribeBatch(ctx, contract.RecordsQueue, func(bodies [][]byte) error { return a.ingest(ctx, bodies) })
}

// ingest stores a batch. While the history fails it holds the batch, and with it
// the queue: to give it back at once would only bring it again.
func (a *API) ingest(ctx context.Context, bodies [][]byte) error {
	records := make([]contract.Record, 0, len(bodies))
	for _, body := range bodies {
		var rec contract.Record
		if err := json.Unmarshal(body, &rec); err != nil {
			a.log.Warn("a message that is no record is dropped", "queue", contract.RecordsQueue, "message", fmt.Sprintf("%.200q", body), "err", err)
			continue
		}
		records = append(records, rec)
	}
	for pause := ingestPause; ; pause = min(2*pause, ingestMost) {
		err := a.add(ctx, records)
		if err == nil {
			return nil
		}
		a.log.Warn("what happened cannot be stored now, and waits", "records", len(records), "pause", pause, "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (a *API) add(ctx context.Context, records []contract.Record) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	_, err := a.history.Add(ctx, records)
	return err
}
