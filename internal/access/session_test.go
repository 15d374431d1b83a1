package access

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	in, err := w.SignIn(t.Context(), "otto", password)
	if err != nil || in.Name != "otto" || in.Role != contract.RoleOperator || !in.Ends.Equal(w.clock.time().Add(7*24*time.Hour)) {
		t.Fatalf("%+v, %v", in, err)
	}
	w.want(in.Token, "operator otto")
	second := w.signIn("otto")
	if second == in.Token {
		t.Error("two sessions have the same token")
	}
	if err := w.SignOut(t.Context(), in.Token); err != nil {
		t.Fatal(err)
	}
	w.want(in.Token, "")
	w.want(second, "operator otto")
	list, err := w.Operators(t.Context())
	if err != nil || len(list) != 3 || list[1].Name != "otto" || list[1].SignedIn == 0 || list[0].SignedIn != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestUnknownNameCostsTheSame: the failure is the same one, after the same work.
func TestUnknownNameCostsTheSame(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct{ name, password string }{
		{"ada", "wrong password"}, {"nobody", "wrong password"}, {"nobody", password}, {"", ""}, {"ADA", password}, {"ada", strings.Repeat("x", 1<<20)}, {"nobody", strings.Repeat("x", 1<<20)},
		{"nobody", strings.Repeat("\x00", 32)},
	} {
		before := w.hasher.count.Load()
		_, err := w.SignIn(t.Context(), tc.name, tc.password)
		if rpc.CodeOf(err) != rpc.Unauthorized || err.Error() != wrongPassword().Error() {
			t.Errorf("%s: %v", tc.name, err)
		}
		if n := w.hasher.count.Load() - before; n != 1 {
			t.Errorf("%s: %d passwords were hashed", tc.name, n)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	w := newWorld(t)
	idle, busy := w.signIn("ada"), w.signIn("ada")
	watched := w.signIn("ada")
	for range 3 {
		w.clock.add(25 * time.Minute)
		w.want(busy, "operator ada")
		if err := w.Check(t.Context(), watched); (err == nil) != w.clock.time().Before(newClock().now.Add(time.Hour)) {
			t.Errorf("a session that is only watched, after %s: %v", w.clock.time().Sub(newClock().now), err)
		}
	}
	w.want(idle, "")
	w.wantAt(w.open(), busy, "operator ada") // the use was stored
	for range 8 * 24 * 2 {
		w.clock.add(30 * time.Minute)
		_, _ = w.Authenticate(t.Context(), busy)
	}
	w.want(busy, "")
	// What has ended is removed by the next that begins.
	w.signIn("ada")
	var n int
	if err := w.db.View(t.Context(), func(q database.Querier) error {
		return q.QueryRowContext(t.Context(), "SELECT count(*) FROM sessions").Scan(&n)
	}); err != nil || n != 1 {
		t.Errorf("%d sessions are kept, %v", n, err)
	}
}

func TestTooManySessions(t *testing.T) {
	w := newWorld(t)
	tokens := make([]string, maxSessions+1)
	for i := range tokens {
		w.clock.add(time.Millisecond)
		tokens[i] = w.signIn("ada")
	}
	w.want(tokens[0], "")
	w.want(tokens[1], "operator ada")
	w.want(tokens[maxSessions], "operator ada")
}

// TestSQLiteNothingIsKeptInClear: neither passwords nor tokens are in the files.
func TestSQLiteNothingIsKeptInClear(t *testing.T) {
	w := newWorld(t)
	session := w.signIn("ada")
	api, _, err := w.NewToken(t.Context(), "ada", "ci", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	enrolment, _, err := w.NewEnrolment(t.Context(), "ada", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := w.Enrol(t.Context(), enrolment, "c1")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(w.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(content, []byte("otto"))
		for _, secret := range []string{password, session, api, enrolment, credential} {
			if bytes.Contains(content, []byte(strings.TrimLeft(secret, "agstce_"))) {
				t.Errorf("%s%s holds a secret", File, suffix)
			}
		}
	}
	if !found {
		t.Error("the files hold nothing at all: the test looks in the wrong place")
	}
	if info, err := os.Stat(w.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestHashingIsBounded: however many sign in at once, few passwords are hashed at
// a time, and those beyond the queue are told to come back.
func TestHashingIsBounded(t *testing.T) {
	h := newHasher(cheap)
	for range cap(h.running) {
		h.running <- struct{}{}
	}
	var wg sync.WaitGroup
	for range maxHashing {
		wg.Go(func() {
			if _, err := h.hash(t.Context(), password); err != nil {
				t.Error(err)
			}
		})
	}
	for len(h.waiting) < maxHashing {
		time.Sleep(time.Millisecond)
	}
	_, err := h.hash(t.Context(), password)
	wantCode(t, err, rpc.Unavailable)
	for range cap(h.running) {
		<-h.running
	}
	wg.Wait()
}

func TestCheckPassword(t *testing.T) {
	for password, ok := range map[string]bool{
		"1234567890": true, "123456789": false, "äöüäöüäöüä": true, "operator-ada": false, "Operator-Ada": false, "operator-ada!": true,
		strings.Repeat("x", 256): true, strings.Repeat("x", 257): false, "1234567890\n": false, "123456789\xff0": false,
	} {
		if err := CheckPassword("operator-ada", password); (err == nil) != ok {
			t.Errorf("%q: %v", password, err)
		}
	}
}

// TestSamePasswordWrittenOtherwise: an accent may come as a character of its own.
func TestSamePasswordWrittenOtherwise(t *testing.T) {
	w := newWorld(t)
	if err := w.AddOperator(t.Context(), "uwe", contract.RoleViewer, "ein kühler Tag"); err != nil {
		t.Fatal(err)
	}
	if err := w.VerifyPassword(t.Context(), "uwe", "ein ku\u0308hler Tag"); err != nil {
		t.Error(err)
	}
}

// TestUsualCost is that which OWASP asks for at least.
func TestUsualCost(t *testing.T) {
	if usual.memoryKiB < 19<<10 || usual.passes < 2 || usual.threads < 1 {
		t.Errorf("%+v", usual)
	}
}

// TestPasswordThatChangesMeanwhile opens no session any more, though it was right
// when it was looked up.
func TestPasswordThatChangesMeanwhile(t *testing.T) {
	w := newWorld(t)
	for range cap(w.hasher.running) {
		w.hasher.running <- struct{}{}
	}
	ended := make(chan error, 1)
	go func() {
		_, err := w.SignIn(t.Context(), "otto", password)
		ended <- err
	}()
	for len(w.hasher.waiting) == 0 { // it has read the old one
		time.Sleep(time.Millisecond)
	}
	if err := w.open().ChangeOperator(t.Context(), "otto", Change{Password: ptr("another password")}); err != nil {
		t.Error(err)
	}
	for range cap(w.hasher.running) {
		<-w.hasher.running
	}
	wantCode(t, <-ended, rpc.Unauthorized)
}
