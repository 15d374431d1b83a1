package clientgateway

import (
	"log/slog"
	"testing"

	"github.com/agata-fl/agata/internal/sse"
	"github.com/agata-fl/agata/pkg/contract"
)

// FuzzTake: whatever a cloud says on the downlink, it is a command of some kind on
// one of two bounded lists, or nothing.
func FuzzTake(f *testing.F) {
	f.Add("command", []byte(`{"id":"1","kind":"wake"}`))
	f.Add("command", []byte(`{"id":"2","kind":"release","task":"a"}`))
	f.Add("command", []byte(`{"kind":""}`))
	f.Add("replaced", []byte(`null`))
	f.Add("other", []byte("\xff"))
	f.Fuzz(func(t *testing.T, event string, data []byte) {
		d := &downlink{log: slog.New(slog.DiscardHandler), wakes: make(chan contract.WakeRequest, 1), orders: make(chan contract.Command, 1)}
		for range 3 { // also when the lists are full
			if err := d.take(sse.Message{ID: "1", Event: event, Data: data}); err != nil && event != "replaced" {
				t.Errorf("%s %q: %v", event, data, err)
			}
		}
		if len(d.wakes)+len(d.orders) > 0 && event != "command" || len(d.wakes) > 0 && len(d.orders) > 0 {
			t.Errorf("%s %q is %d wakes and %d commands", event, data, len(d.wakes), len(d.orders))
		}
		if len(d.orders) > 0 {
			if cmd := <-d.orders; cmd.Kind == "" || cmd.Kind == contract.CommandWake {
				t.Errorf("%s %q is the command %+v", event, data, cmd)
			}
		}
	})
}
