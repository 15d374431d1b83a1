package baseservice

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"

	"github.com/agata-fl/agata/pkg/rpc"
)

// shared is a memory into which another replica writes while a call is executed.
type shared struct{ replies map[Call]string }

func (s *shared) Recall(_ context.Context, call Call) (json.RawMessage, bool, error) {
	reply, found := s.replies[call]
	return json.RawMessage(reply), found, nil
}

// A call that two replicas were given is answered by both with the reply of the one
// in which it took effect; other failures stay what they are.
func TestACallThatTookEffectElsewhere(t *testing.T) {
	taken := errors.New("the id is taken")
	for name, tt := range map[string]struct {
		elsewhere, here bool
		want            string
	}{
		"elsewhere":         {elsewhere: true, want: `"first"`},
		"nowhere":           {},
		"here, then failed": {elsewhere: true, here: true},
	} {
		t.Run(name, func(t *testing.T) {
			memory := &shared{map[Call]string{}}
			s := &Service{log: slog.New(slog.DiscardHandler)}
			call := s.recalled(&function{name: "create", memory: memory}, func(ctx context.Context, _ *rpc.Message) (json.RawMessage, error) {
				got, ok := CallFrom(ctx)
				if want := (Call{"create", "m1"}); !ok || got != want {
					t.Errorf("the call is %v, %t", got, ok)
				}
				if tt.elsewhere {
					memory.replies[got] = `"first"`
				}
				if tt.here {
					TookEffect(ctx)
				}
				return nil, taken
			})
			reply, err := call(t.Context(), &rpc.Message{MessageID: "m1"})
			if string(reply) != tt.want || (tt.want == "") != errors.Is(err, taken) {
				t.Errorf("got %s, %v; want %q", reply, err, tt.want)
			}
		})
	}
}
