package api

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParams(t *testing.T) {
	allowed := []string{"limit", "state", "kinds", "from", "q"}
	for _, tc := range []struct {
		query string
		want  map[string]string // the beginning of what is said of each
	}{
		{"", nil},
		{"limit=1000&state=new&kinds=a,b&from=1.5&q=x%20y", nil},
		{"state=", nil},
		{"limit=0", map[string]string{"limit": "is not a whole number from 1 to 1000"}},
		{"limit=1001&from=NaN", map[string]string{"limit": "is not a whole", "from": "is not a time"}},
		{"limit=1e2", map[string]string{"limit": "is not a whole"}},
		{"limit=1&limit=2", map[string]string{"limit": "is given more than once"}},
		{"state=old", map[string]string{"state": "is none of new, running"}},
		{"kinds=a,c", map[string]string{"kinds": "is not a list"}},
		{"kinds=a,a", map[string]string{"kinds": "is not a list"}},
		{"kinds=,", map[string]string{"kinds": "is not a list"}},
		{"from=-1", map[string]string{"from": "is not a time"}},
		{"from=1e300", map[string]string{"from": "is not a time"}},
		{"limits=1&colour=red", map[string]string{"limits": "is no parameter here, which takes limit,", "colour": "is no parameter"}},
		{"q=%ff", map[string]string{"q": "is not UTF-8"}},
		{"q=" + strings.Repeat("x", 257), map[string]string{"q": "is longer than 256 bytes"}},
		{"q=%zz", map[string]string{}},
		{"a;b", map[string]string{}},
	} {
		t.Run(tc.query, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/x", nil)
			r.URL.RawQuery = tc.query
			q, err := newParams(r, allowed)
			if err == nil {
				q.limit()
				q.oneOf("state", "", "new", "running")
				q.words("kinds", "a", "b")
				q.seconds("from")
				q.text("q", 256)
				err = q.err()
			}
			if tc.want == nil {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted")
			}
			f := faultOf(err)
			if f.status != 400 || f.detail == "" || f.hint == "" || len(f.fields) != len(tc.want) {
				t.Fatalf("got %+v", f)
			}
			for name, text := range tc.want {
				if !strings.HasPrefix(f.fields[name], text) || !strings.Contains(f.detail, name+": ") {
					t.Errorf("%s: %q in %q, want %q", name, f.fields[name], f.detail, text)
				}
			}
		})
	}
	q := &params{}
	if q.oneOf("order", "id", "newest") != "id" || q.limit() != 100 || q.words("kinds") != nil {
		t.Error("what is absent has another default")
	}
}

func TestRevision(t *testing.T) {
	for header, want := range map[string]int64{`"7"`: 7, `W/"7"`: 7, `"7.9f86d081884c7d65"`: 7, ` "0" `: 0, `*`: -1} {
		got, err := revision(header)
		if err != nil || want == -1 && got != nil || want != -1 && (got == nil || *got != want) {
			t.Errorf("%s: %v, %v; want %d", header, got, err, want)
		}
	}
	for _, header := range []string{`7`, `"7`, `"x"`, `"-1"`, `""`, `"1", "2"`, `"99999999999999999999"`} {
		if got, err := revision(header); err == nil || faultOf(err).status != 400 {
			t.Errorf("%s: %v, %v", header, got, err)
		}
	}
}

func TestMatches(t *testing.T) {
	for list, want := range map[string]bool{`"a"`: true, `W/"a"`: true, `"b", "a"`: true, `*`: true, `"b"`: false, `a`: false} {
		if got := matches(list, `"a"`); got != want {
			t.Errorf("%s: %t", list, got)
		}
	}
}

func TestTake(t *testing.T) {
	tokens := make(chan struct{}, 1)
	give, ok := take(tokens)
	if _, again := take(tokens); !ok || again {
		t.Error("one token was taken twice")
	}
	give()
	give() // once is enough
	if _, ok := take(tokens); !ok {
		t.Error("the token was not given back")
	}
	if diff := cmp.Diff(1, len(tokens)); diff != "" {
		t.Error(diff)
	}
}
