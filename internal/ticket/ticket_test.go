package ticket

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

var (
	key   = keyOf(3)
	ada   = rpc.Identity{Kind: rpc.Client, Name: "ada"}
	start = time.Unix(1_700_000_000, 0)
)

func keyOf(b byte) rpc.Key {
	k, err := rpc.NewKey(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		panic(err)
	}
	return k
}

func TestATicketOpensWhatItIsFor(t *testing.T) {
	text, expires, err := Mint(key, Download, "digits", ada, start)
	if err != nil || !expires.Equal(start.Add(Life)) {
		t.Fatal(expires, err)
	}
	got, err := Check(key, text, Download, expires.Add(-time.Second))
	if err != nil || got.Who != ada || got.Task != "digits" {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, tc := range map[string]struct {
		key  rpc.Key
		text string
		use  Use
		now  time.Time
		want error
	}{
		"another use":      {key, text, Upload, start, ErrInvalid},
		"another key":      {keyOf(4), text, Download, start, ErrInvalid},
		"no key":           {rpc.Key{}, text, Download, start, ErrInvalid},
		"expired":          {key, text, Download, expires, ErrExpired},
		"empty":            {key, "", Download, start, ErrInvalid},
		"its prefix alone": {key, prefix, Download, start, ErrInvalid},
		"without its seal": {key, text[:strings.IndexByte(text, '.')+1], Download, start, ErrInvalid},
		"far too long":     {key, text + strings.Repeat("A", maxLength), Download, start, ErrInvalid},
	} {
		if _, err := Check(tc.key, tc.text, tc.use, tc.now); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Mint(rpc.Key{}, Download, "digits", ada, start); err == nil {
		t.Error("a ticket was made without a key")
	}
}

func TestAnAlteredTicketOpensNothing(t *testing.T) {
	text, _, err := Mint(key, Download, "digits", ada, start)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		for _, other := range []byte("Ab_-.9") {
			if text[i] == other {
				continue
			}
			changed := text[:i] + string(other) + text[i+1:]
			if _, err := Check(key, changed, Download, start); err == nil {
				t.Fatalf("with character %d changed to %c it was taken", i, other)
			}
		}
	}
}

func FuzzCheck(f *testing.F) {
	text, _, err := Mint(key, Download, "digits", ada, start)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(prefix + ".")
	f.Fuzz(func(t *testing.T, other string) {
		if got, err := Check(key, other, Download, start); err == nil && got.Who != ada {
			t.Errorf("a ticket that was never made was taken: %q", other)
		}
	})
}
