package access

import (
	"fmt"
	"testing"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

func TestWhatIsNoToken(t *testing.T) {
	w := newWorld(t)
	session := w.signIn("ada")
	other := []byte(session)
	other[len(other)-5] ^= 1
	for _, token := range []string{"", "?", "ags_", session[:len(session)-1], session + "A", string(Credential) + session[4:], string(APIToken) + session[4:], string(other), "agx_" + session[4:]} {
		w.want(token, "")
	}
	w.want(session, "operator ada")
}

func TestTokensDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token, kept := mint(Session)
		if KindOf(token) != Session || len(token) != 47 || kept != digestOf(token) || seen[token] {
			t.Fatalf("%q", token)
		}
		seen[token] = true
	}
}

// TestManyClients: those that ask all the time cost no look into the file, but
// for one a second at its revision.
func TestManyClients(t *testing.T) {
	w := newWorld(t)
	var tokens []string
	for i := range 50 {
		credential, err := w.Enrol(t.Context(), w.enrolment(""), fmt.Sprintf("c%d", i))
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, credential)
	}
	for i, token := range tokens {
		w.want(token, fmt.Sprintf("client c%d", i))
	}
	// Without its statements the store cannot look.
	w.sql.credential = nil
	for range 3 {
		for i, token := range tokens {
			w.want(token, fmt.Sprintf("client c%d", i))
		}
		w.clock.add(trust)
	}
}

// TestFileThatCannotBeRead lets nobody in on what was remembered.
func TestFileThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	session := w.signIn("ada")
	w.want(session, "operator ada")
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	w.clock.add(trust)
	_, err := w.Authenticate(t.Context(), session)
	wantCode(t, err, rpc.Unavailable)
	_, err = w.SignIn(t.Context(), "ada", password)
	wantCode(t, err, rpc.Unavailable)
}

// TestReadBeforeRevoked: what was read before a revocation is not remembered
// after it.
func TestReadBeforeRevoked(t *testing.T) {
	k := newKnown()
	_, at, _ := k.get(digest{1})
	k.forget()
	k.put(digest{1}, holder{}, at)
	if _, _, found := k.get(digest{1}); found {
		t.Error("it is remembered")
	}
}

func TestKnownIsBounded(t *testing.T) {
	k := newKnown()
	for i := range maxKnown + 10 {
		k.put(digestOf(fmt.Sprint(i)), holder{}, 0)
	}
	if n := k.byKey.len(); n != maxKnown {
		t.Errorf("%d are remembered", n)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir()+"/"+File, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	enrolment, _, err := s.NewEnrolment(b.Context(), "ada", "", time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	token, err := s.Enrol(b.Context(), enrolment, "c1")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Authenticate(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPassword(b *testing.B) {
	h := newHasher(usual)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.hash(b.Context(), password); err != nil {
			b.Fatal(err)
		}
	}
}
