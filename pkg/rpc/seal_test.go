package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/contract"
)

func keyOf(t testing.TB, b byte) Key {
	t.Helper()
	k, err := NewKey(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestLoadKey(t *testing.T) {
	dir := t.TempDir()
	digits := strings.Repeat("0aF1", 16)
	for name, tc := range map[string]struct{ content, want string }{
		"good":         {digits + "\n", ""},
		"blanks":       {"\n " + digits + "  \n\n", ""},
		"short":        {digits[2:], "64 hexadecimal digits"},
		"long":         {digits + "00", "64 hexadecimal digits"},
		"odd":          {digits + "0", "64 hexadecimal digits"},
		"no digits":    {strings.Repeat("secret..", 8), "operator init"},
		"empty":        {"", "64 hexadecimal digits"},
		"a large file": {strings.Repeat("0", 1<<20), "64 hexadecimal digits"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			k, err := LoadKey(path)
			if (err == nil) != (tc.want == "") || k.IsZero() != (err != nil) {
				t.Fatalf("got %v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("the error is %q", err)
			}
		})
	}
	if _, err := LoadKey(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "agata operator init") {
		t.Errorf("without a file: %v", err)
	}
	if _, err := LoadKey(dir); err == nil {
		t.Error("a folder is a key")
	}
}

func TestAKeyIsNotPrinted(t *testing.T) {
	k := keyOf(t, 'K')
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(format, k); strings.Contains(text, "KK") || strings.Contains(text, "4b4b") || strings.Contains(text, "75 75") || strings.Contains(text, "0x4b") {
			t.Errorf("%s prints %s", format, text)
		}
	}
	b, err := json.Marshal(struct{ K Key }{k})
	if err != nil || string(b) != `{"K":{}}` {
		t.Errorf("encoded it is %s, %v", b, err)
	}
}

var (
	ada     = Identity{Kind: Operator, Name: "ada", Role: contract.RoleOperator}
	request = Request{Function: "f", MessageID: "m", Body: []byte(`{"a":1}`)}
)

func TestSealOfACall(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_123)
	key := keyOf(t, 1)
	seal, err := key.sealCall(request, ada, now)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(i int) string {
		b := []byte(seal)
		b[i] ^= 1
		return string(b)
	}
	good := Message{Function: "f", MessageID: "m", Body: request.Body, Seal: seal}
	with := func(change func(*Message)) *Message {
		m := good
		change(&m)
		return &m
	}
	other, err := keyOf(t, 2).sealCall(request, ada, now)
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := key.vouch(forCall, Identity{Kind: "king"}, now, request.Body, "f", "m")
	if err != nil {
		t.Fatal(err)
	}
	record, err := key.vouch(forRecord, ada, now, request.Body, "f", "m")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		m    *Message
		at   time.Duration
		want error
	}{
		"good":                 {&good, 0, nil},
		"old":                  {&good, SealAge, nil},
		"older":                {&good, SealAge + time.Millisecond, errOld},
		"ahead":                {&good, -SealAge, nil},
		"further ahead":        {&good, -SealAge - time.Millisecond, errOld},
		"another function":     {with(func(m *Message) { m.Function = "g" }), 0, errForged},
		"another message":      {with(func(m *Message) { m.MessageID = "n" }), 0, errForged},
		"another body":         {with(func(m *Message) { m.Body = []byte(`{"a":2}`) }), 0, errForged},
		"texts that join":      {with(func(m *Message) { m.Function, m.MessageID = "f\x00m", "" }), 0, errForged},
		"another key":          {with(func(m *Message) { m.Seal = other }), 0, errForged},
		"none":                 {with(func(m *Message) { m.Seal = "" }), 0, errSeal},
		"another version":      {with(func(m *Message) { m.Seal = "v2" + seal[2:] }), 0, errSeal},
		"other claims":         {with(func(m *Message) { m.Seal = flip(10) }), 0, errForged},
		"another sum":          {with(func(m *Message) { m.Seal = flip(len(seal) - 5) }), 0, errForged},
		"a short sum":          {with(func(m *Message) { m.Seal = seal[:len(seal)-4] }), 0, errSeal},
		"a large one":          {with(func(m *Message) { m.Seal = seal + strings.Repeat("A", maxSeal) }), 0, errSeal},
		"of another purpose":   {with(func(m *Message) { m.Seal = record }), 0, errForged},
		"of a kind unknown":    {with(func(m *Message) { m.Seal = nobody }), 0, errSeal},
		"an answer's":          {with(func(m *Message) { m.Seal = key.sealReply("f", "m", Reply{Body: request.Body}) }), 0, errSeal},
		"with something added": {with(func(m *Message) { m.Seal = seal + ".x" }), 0, errSeal},
	} {
		t.Run(name, func(t *testing.T) {
			who, err := key.openCall(tc.m, now.Add(tc.at))
			if !errors.Is(err, tc.want) || err == nil && who != ada || err != nil && who != (Identity{}) {
				t.Errorf("got %v, %v, want %v", who, err, tc.want)
			}
		})
	}
	if _, err := key.sealCall(Request{Function: "a\x00b"}, ada, now); err == nil {
		t.Error("an ambiguous name is sealed")
	}
}

func TestSealOfAReply(t *testing.T) {
	key := keyOf(t, 1)
	reply := Reply{Body: []byte("x"), Code: "conflict"}
	reply.Seal = key.sealReply("f", "m", reply)
	if !key.believesReply("f", "m", reply) {
		t.Fatal("a good answer is not believed")
	}
	for name, forged := range map[string]Reply{
		"body":     {Body: []byte("y"), Code: "conflict", Seal: reply.Seal},
		"code":     {Body: []byte("x"), Seal: reply.Seal},
		"unsealed": {Body: []byte("x"), Code: "conflict"},
		"garbage":  {Body: []byte("x"), Code: "conflict", Seal: "v1.?"},
		"key":      {Body: []byte("x"), Code: "conflict", Seal: keyOf(t, 2).sealReply("f", "m", reply)},
	} {
		if key.believesReply("f", "m", forged) {
			t.Errorf("one with another %s is believed", name)
		}
	}
	if key.believesReply("f", "n", reply) || key.believesReply("g", "m", reply) {
		t.Error("the answer of another call is believed")
	}
}

func TestSealOfAMessage(t *testing.T) {
	key := keyOf(t, 1)
	body := []byte("{\"a\":\n 1}")
	sealed, err := key.sealMessage("q", body, Identity{Kind: Service, Name: "s"}, time.Unix(0, 0)) // of any age
	if err != nil {
		t.Fatal(err)
	}
	if got, err := key.openMessage("q", sealed); err != nil || !bytes.Equal(got, body) {
		t.Errorf("got %q, %v", got, err)
	}
	for name, forged := range map[string][]byte{
		"unsealed": body, "altered": append(bytes.Clone(sealed), ' '), "empty": nil, "a line feed": []byte("\n"),
		"sealed twice": append([]byte(bytes.SplitN(sealed, []byte("\n"), 2)[0]), append([]byte("\n"), sealed...)...),
	} {
		if _, err := key.openMessage("q", forged); err == nil {
			t.Errorf("%s: it is believed", name)
		}
	}
	if _, err := key.openMessage("other", sealed); err == nil {
		t.Error("a message of another queue is believed")
	}
}

func FuzzSeal(f *testing.F) {
	key := keyOf(f, 1)
	now := time.UnixMilli(1_800_000_000_000) // the same in every process of the fuzzer
	seal, err := key.sealCall(request, ada, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seal, "f", "m", request.Body)
	f.Add("v1.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", "", []byte(nil))
	f.Add("v1..", "f", "m", []byte("{}"))
	f.Fuzz(func(t *testing.T, s, function, messageID string, body []byte) {
		same := s == seal && function == "f" && messageID == "m" && bytes.Equal(body, request.Body)
		who, err := key.openCall(&Message{Seal: s, Function: function, MessageID: messageID, Body: body}, now)
		if (err == nil) != same || err == nil && who != ada {
			t.Fatalf("%q is opened: %v, %v", s, who, err)
		}
		if key.believesReply(function, messageID, Reply{Body: body, Seal: s}) {
			t.Fatalf("%q is believed", s)
		}
		if got, err := key.openMessage("q", append([]byte(s+"\n"), body...)); err == nil {
			t.Fatalf("a message is believed: %q", got)
		}
	})
}

// What sealing adds to a call: seal, open, seal the answer, believe it.
func BenchmarkSeal(b *testing.B) {
	key := keyOf(b, 1)
	for name, size := range map[string]int{"200B": 200, "64KiB": 64 << 10} {
		b.Run(name, func(b *testing.B) {
			r := Request{Function: "rpc_exec_client_requesting_task", MessageID: "0190a7d4-5c3e-7cc1-9d0b-2a5d5b7c1f10", Body: bytes.Repeat([]byte("x"), size)}
			for b.Loop() {
				now := time.Now()
				seal, err := key.sealCall(r, ada, now)
				if err != nil {
					b.Fatal(err)
				}
				m := Message{Function: r.Function, MessageID: r.MessageID, Body: r.Body, Seal: seal}
				if _, err := key.openCall(&m, now); err != nil {
					b.Fatal(err)
				}
				reply := Reply{Body: r.Body}
				reply.Seal = key.sealReply(r.Function, r.MessageID, reply)
				if !key.believesReply(r.Function, r.MessageID, reply) {
					b.Fatal("not believed")
				}
			}
		})
	}
}
