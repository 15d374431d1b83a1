package bench

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// BenchmarkRPC is what the rpc bench measures, for profiles (-cpuprofile) and counts
// of allocations, on the embedded broker.
func BenchmarkRPC(b *testing.B) {
	broker, err := NewBroker(b.Context(), Embedded, "")
	if err != nil {
		b.Fatal(err)
	}
	p, err := broker.open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	loop, err := newBare(p.url(), "bare", 64, false)
	if err != nil {
		b.Fatal(err)
	}
	stop, err := serveEcho(b.Context(), p)
	if err != nil {
		b.Fatal(err)
	}
	t, end, err := p.transport(b.Context(), "caller")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		for _, done := range []func() error{end, stop, loop.close, p.close} {
			if err := done(); err != nil {
				b.Error(err)
			}
		}
	})
	req := contract.UserIDRequest{UserID: strings.Repeat("x", echoed)}
	body := []byte(`{"user_id":"` + req.UserID + `"}`)
	for _, callers := range []int{1, 64} {
		for name, call := range map[string]func(context.Context, int) error{
			"bare":      func(ctx context.Context, i int) error { return loop.call(ctx, i, body) },
			"checked":   func(ctx context.Context, _ int) error { _, err := rpc.Call(ctx, t, echoChecked, req); return err },
			"unchecked": func(ctx context.Context, _ int) error { _, err := rpc.Call(ctx, t, echoUnchecked, req); return err },
		} {
			b.Run(fmt.Sprintf("%s/callers=%d", name, callers), func(b *testing.B) {
				b.ReportAllocs()
				var n atomic.Int64
				var wg sync.WaitGroup
				used := processorTime()
				for i := range callers {
					wg.Go(func() {
						for n.Add(1) <= int64(b.N) {
							if err := call(b.Context(), i); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric((processorTime()-used).Seconds()*1e6/float64(b.N), "cpu-µs/op")
			})
		}
	}
}
