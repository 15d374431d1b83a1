package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/pkg/contract"
)

var (
	v1 = Key{Task: "t", Digest: "sha256:1"}
	v2 = Key{Task: "t", Digest: "sha256:2"}
)

func held(q *Quarantine, at time.Duration, key Key) bool {
	_, held := q.Held(t0.Add(at), key)
	return held
}

func TestCodeFailureHoldsAtOnceAndForGood(t *testing.T) {
	for _, reason := range []Reason{contract.ReasonExitNonzero, contract.ReasonSignaled, contract.ReasonOOMKilled, contract.ReasonReportError} {
		q := NewQuarantine(DefaultRules(), nil)
		if entry := q.Fail(t0, v1, reason); !entry.Held || entry.Failures != 1 || !entry.Until.IsZero() || entry.Reason != reason {
			t.Errorf("%s: %+v", reason, entry)
		}
		if !held(q, 1000*time.Hour, v1) {
			t.Errorf("%s: free again by itself", reason)
		}
		if held(q, 0, v2) {
			t.Errorf("%s: the next version is held too", reason)
		}
		// A later failure of the infrastructure must not shorten that.
		q.Fail(t0, v1, contract.ReasonServerUnreachable)
		if !held(q, 1000*time.Hour, v1) {
			t.Errorf("%s: shortened", reason)
		}
		if n := q.Release("t"); n != 1 || held(q, 0, v1) {
			t.Errorf("%s: release gave %d", reason, n)
		}
	}
}

func TestInfrastructureHoldsAfterN(t *testing.T) {
	q := NewQuarantine(DefaultRules(), nil)
	for i := range 3 {
		if held(q, time.Duration(i)*time.Minute, v1) {
			t.Errorf("held after %d failures", i)
		}
		q.Fail(t0.Add(time.Duration(i)*time.Minute), v1, contract.ReasonDownloadFailed)
	}
	entry, isHeld := q.Held(t0.Add(2*time.Minute), v1)
	if want := (Entry{Key: v1, Reason: contract.ReasonDownloadFailed, Held: true, Since: t0, Until: t0.Add(12 * time.Minute), Failures: 3}); !isHeld || !cmp.Equal(entry, want) {
		t.Errorf("%+v", entry)
	}
	if !held(q, 12*time.Minute-1, v1) || held(q, 12*time.Minute, v1) {
		t.Error("it does not end after ten minutes")
	}
	if entry := q.Fail(t0.Add(12*time.Minute), v1, contract.ReasonDownloadFailed); entry.Failures != 1 || entry.Held {
		t.Errorf("the count goes on after the end: %+v", entry)
	}
	q.Succeed(v1)
	if n := len(q.Entries(t0)); n != 0 {
		t.Errorf("%d entries after a success", n)
	}
}

// A failure that was only counted does not prolong for how long the next one, of the
// code, is held; what is held already is not shortened.
func TestACountDoesNotProlong(t *testing.T) {
	rules := DefaultRules()
	rules.CodeFor, rules.For = time.Second, time.Minute
	q := NewQuarantine(rules, nil)
	q.Fail(t0, v1, contract.ReasonLost)
	if e := q.Fail(t0, v1, contract.ReasonSignaled); !e.Held || !e.Until.Equal(t0.Add(time.Second)) {
		t.Errorf("after a failure of the code: %+v", e)
	}
	for range 3 {
		q.Fail(t0, v2, contract.ReasonLost)
	}
	if e := q.Fail(t0, v2, contract.ReasonSignaled); !e.Held || !e.Until.Equal(t0.Add(time.Minute)) {
		t.Errorf("what was held for a minute: %+v", e)
	}
}

func TestOperatorStopIsNoFailure(t *testing.T) {
	q := NewQuarantine(Rules{After: 1, MaxEntries: 9}, nil)
	if entry := q.Fail(t0, v1, contract.ReasonOperatorStop); entry != (Entry{}) || len(q.Entries(t0)) != 0 {
		t.Errorf("%+v", entry)
	}
}

func TestExpiryInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQuarantine(Rules{CodeFor: time.Hour, After: 3, For: time.Minute, MaxEntries: 9}, nil)
		q.Fail(time.Now(), v1, contract.ReasonSignaled)
		q.Fail(time.Now(), v2, contract.ReasonLost)
		time.Sleep(time.Minute)
		if n := len(q.Entries(time.Now())); n != 1 {
			t.Errorf("%d entries after a minute, want the held one", n)
		}
		time.Sleep(59 * time.Minute)
		if n := len(q.Entries(time.Now())); n != 0 {
			t.Errorf("%d entries after an hour", n)
		}
	})
}

func TestBoundKeepsWhatIsHeldAndNew(t *testing.T) {
	q := NewQuarantine(Rules{After: 2, For: time.Hour, MaxEntries: 3}, nil)
	for i := range 5 {
		q.Fail(t0.Add(time.Duration(i)), Key{Task: fmt.Sprint(i)}, contract.ReasonReportError)
	}
	q.Fail(t0.Add(9), Key{Task: "counted"}, contract.ReasonLost)
	var tasks []string
	for _, e := range q.Entries(t0) {
		tasks = append(tasks, e.Task)
	}
	if got := strings.Join(tasks, " "); got != "2 3 4" {
		t.Errorf("kept %q", got)
	}
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quarantine.json")
	if entries, err := Load(path); err != nil || entries != nil {
		t.Fatalf("no file: %v, %v", entries, err)
	}
	q := NewQuarantine(DefaultRules(), nil)
	q.Fail(t0, v1, contract.ReasonReportError)
	q.Fail(t0, v2, contract.ReasonLost)
	for range 2 { // the second replaces the first
		if err := Save(path, q.Entries(t0)); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(q.Entries(t0), entries); diff != "" {
		t.Error(diff)
	}
	if !held(NewQuarantine(DefaultRules(), entries), time.Hour, v1) {
		t.Error("the quarantine did not survive")
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("files left behind: %v", files)
	}
	if err := Save(filepath.Join(path, "not-a-folder"), nil); err == nil {
		t.Error("saved below a file")
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"cut short":     {`{"version":1,"entries":[{"ta`, "unexpected end"},
		"other version": {`{"version":2}`, "version 2"},
		"no task":       {`{"version":1,"entries":[{"failures":1}]}`, "entry 0"},
		"too large":     {strings.Repeat(" ", maxFile+1), "larger"},
	} {
		path := filepath.Join(t.TempDir(), "q.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"version":1,"entries":[{"task":"t","digest":"d","reason":"lost","held":true,"since":"2026-01-02T03:04:05Z","failures":1}]}`))
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := decode(data)
		if err != nil {
			return
		}
		q := NewQuarantine(Rules{After: 1, MaxEntries: 10}, entries)
		if n := len(q.Entries(t0)); n > 10 || n > len(entries) {
			t.Errorf("%d entries of %d", n, len(entries))
		}
	})
}

// What was written by a clock that was ahead is held for no longer than the rules say.
func TestQuarantineOfAClockThatWasAhead(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rules := Rules{CodeFor: time.Hour, After: 3, For: time.Minute}
	got := rules.Within(now, []Entry{
		{Key: Key{Task: "ahead"}, Until: now.Add(6 * time.Hour)}, {Key: Key{Task: "right"}, Until: now.Add(time.Minute)},
		{Key: Key{Task: "forever"}}, {Key: Key{Task: "over"}, Until: now.Add(-time.Hour)},
	})
	for i, want := range []time.Time{now.Add(time.Hour), now.Add(time.Minute), {}, now.Add(-time.Hour)} {
		if !got[i].Until.Equal(want) {
			t.Errorf("task %s is held until %s, want %s", got[i].Task, got[i].Until, want)
		}
	}
}
