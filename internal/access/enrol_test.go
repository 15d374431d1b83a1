package access

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

func (w *world) enrolment(client string) string {
	w.t.Helper()
	token, _, err := w.NewEnrolment(w.t.Context(), "ada", client, time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func TestEnrol(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	named, open, late := w.enrolment("c1"), w.enrolment(""), w.enrolment("")
	_, err := w.Enrol(ctx, named, "c2")
	wantCode(t, err, rpc.Forbidden)
	first, err := w.Enrol(ctx, named, "c1") // it was not spent
	if err != nil || KindOf(first) != Credential {
		t.Fatalf("%q, %v", first, err)
	}
	w.want(first, "client c1")
	w.want(named, "") // a token for enrolment opens nothing else
	_, err = w.Enrol(ctx, named, "c1")
	wantCode(t, err, rpc.Unauthorized)
	// A token of no client in particular takes nobody's place.
	_, err = w.Enrol(ctx, open, "c1")
	wantCode(t, err, rpc.Conflict)
	if _, err = w.Enrol(ctx, open, "c2"); err != nil {
		t.Fatal(err)
	}
	// One for a client replaces what it has.
	second, err := w.Enrol(ctx, w.enrolment("c1"), "c1")
	if err != nil {
		t.Fatal(err)
	}
	w.want(first, "")
	w.want(second, "client c1")
	if about, has, err := w.ClientCredential(ctx, "c1"); err != nil || !has || about.By != "ada" || about.Created == 0 {
		t.Errorf("%+v, %v, %v", about, has, err)
	}
	// A revoked client does not come back with a token that was made for it before.
	waiting := w.enrolment("c1")
	wantCode(t, w.RevokeCredential(ctx, "c1"), "")
	w.want(second, "")
	_, err = w.Enrol(ctx, waiting, "c1")
	wantCode(t, err, rpc.Unauthorized)
	wantCode(t, w.RevokeCredential(ctx, "c1"), rpc.NotFound)
	wantCode(t, w.RevokeCredential(ctx, ""), rpc.NotFound) // not those of no client in particular
	if _, has, err := w.ClientCredential(ctx, "c1"); err != nil || has {
		t.Errorf("%v, %v", has, err)
	}
	w.clock.add(time.Hour)
	_, err = w.Enrol(ctx, late, "c3")
	wantCode(t, err, rpc.Unauthorized)
	for _, client := range []string{"", "a\nb", strings.Repeat("x", 257), "\xff"} {
		_, err = w.Enrol(ctx, w.enrolment(""), client)
		wantCode(t, err, rpc.Invalid)
		if client != "" {
			_, _, err = w.NewEnrolment(ctx, "ada", client, time.Hour)
			wantCode(t, err, rpc.Invalid)
		}
	}
	for _, life := range []time.Duration{0, -1, MaxEnrolmentLife + 1} {
		_, _, err = w.NewEnrolment(ctx, "ada", "", life)
		wantCode(t, err, rpc.Invalid)
	}
}

// TestEnrolAtOnce: a token is spent once, also by two processes at once.
func TestEnrolAtOnce(t *testing.T) {
	w := newWorld(t)
	stores := []*Store{w.Store, w.open()}
	for range 10 {
		token := w.enrolment("")
		var spent, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				_, err := stores[i%2].Enrol(t.Context(), token, "c"+token[4:12]+string(rune('a'+i)))
				switch rpc.CodeOf(err) {
				case "":
					spent.Add(1)
				case rpc.Unauthorized:
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if spent.Load() != 1 || refused.Load() != 7 {
			t.Errorf("the token was spent %d times, refused %d times", spent.Load(), refused.Load())
		}
	}
}
