package cloudtaskmanager

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

func TestKeyLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l keyLock
		unlock, err := l.lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		// Another key is free.
		unlockB, err := l.lock(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		unlockB()
		// The same is not, and the wait has an end.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.lock(ctx, "a"); rpc.CodeOf(err) != rpc.Deadline {
			t.Errorf("a held key: %v", err)
		}
		// Who waits gets it.
		got := make(chan struct{})
		go func() {
			defer close(got)
			if unlock, err := l.lock(t.Context(), "a"); err == nil {
				unlock()
			}
		}()
		synctest.Wait()
		select {
		case <-got:
			t.Error("two hold one key")
		default:
		}
		unlock()
		<-got
		if len(l.held) != 0 {
			t.Errorf("%d keys are remembered that nobody holds", len(l.held))
		}
	})
}
