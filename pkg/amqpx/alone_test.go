package amqpx_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/rpc"
)

// TestAlone: of two workers that are to be alone the second one ends with a word, or
// serves when the first one has ended.
func TestAlone(t *testing.T) {
	for name, at := range map[string]func(*testing.T) string{
		"embedded": func(t *testing.T) string { return embedded(t, nil).URL() },
		"RabbitMQ": func(t *testing.T) string { return testenv.RabbitMQ(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			url := at(t)
			serve := func(tr *amqpx.Transport) (ready chan struct{}, done chan error, stop func()) {
				ctx, cancel := context.WithCancel(t.Context())
				ready, done = make(chan struct{}), make(chan error, 1)
				go func() {
					done <- tr.Serve(ctx, rpc.ServeOptions{Alone: "one-of-a-kind", Ready: func() { close(ready) }})
				}()
				t.Cleanup(cancel)
				return ready, done, cancel
			}
			within := func(what string, c <-chan struct{}) {
				t.Helper()
				select {
				case <-c:
				case <-time.After(20 * time.Second):
					t.Fatalf("%s did not come", what)
				}
			}
			first, firstDone, stopFirst := serve(connect(t, url, false))
			within("the first", first)

			hasty := connect(t, url, false)
			hasty.WaitAlone(10 * time.Millisecond)
			ready, done, _ := serve(hasty)
			select {
			case err := <-done:
				if !errors.Is(err, rpc.ErrAnother) || !strings.Contains(err.Error(), "one-of-a-kind serves on the broker") {
					t.Errorf("the second one ended with %v", err)
				}
			case <-ready:
				t.Error("two of a kind serve")
			case <-time.After(20 * time.Second):
				t.Fatal("the second one does not end")
			}

			next, nextDone, stopNext := serve(connect(t, url, false))
			stopFirst()
			if err := <-firstDone; err != nil {
				t.Error(err)
			}
			within("the next one", next)
			stopNext()
			if err := <-nextDone; err != nil {
				t.Error(err)
			}
		})
	}
}
