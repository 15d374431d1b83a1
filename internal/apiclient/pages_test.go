package apiclient

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/rpc"
)

// pages plays a list of n tasks.
func pages(n int, asked *[]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.RawQuery)
		from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		var list []string
		for i := from; i < min(from+limit, n); i++ {
			list = append(list, fmt.Sprintf(`{"ID":"t%04d","creation_date":"2026-01-02 03:04:05","last_mod_date":"2026-01-02 03:04:05"}`, i))
		}
		next := ""
		if from+limit < n {
			next = fmt.Sprintf(`,"next":"%d"`, from+limit)
		}
		_, _ = fmt.Fprintf(w, `{"total":%d,"tasks":[%s]%s}`, n, strings.Join(list, ","), next)
	}
}

func TestPages(t *testing.T) {
	for _, tc := range []struct {
		n, limit, want int
		asked          string
	}{
		{0, 0, 0, "limit=500"},
		{3, 0, 3, "limit=500"},
		{1001, 0, 1001, "limit=500 cursor=500&limit=500 cursor=1000&limit=500"},
		{1001, 2, 2, "limit=2"},
		{1001, 501, 501, "limit=500 cursor=500&limit=1"},
	} {
		var asked []string
		c, _ := serve(t, pages(tc.n, &asked))
		got := 0
		for v, err := range c.Tasks(t.Context(), TaskFilter{Limit: tc.limit}) {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("t%04d", got); v.Value.ID != want {
				t.Fatalf("got %s, want %s", v.Value.ID, want)
			}
			got++
		}
		if got != tc.want || strings.Join(asked, " ") != tc.asked {
			t.Errorf("%d at most %d: got %d by %v", tc.n, tc.limit, got, asked)
		}
	}
}

func TestPagesEnd(t *testing.T) {
	answers := 0
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answers++
		switch {
		case r.URL.Query().Get("state") == "same":
			_, _ = io.WriteString(w, `{"tasks":[],"next":"1"}`)
		case r.URL.Query().Get("state") == "none":
			_, _ = io.WriteString(w, `{}`)
		case r.URL.Query().Get("cursor") == "":
			_, _ = io.WriteString(w, `{"tasks":[{"creation_date":"2026-01-02 03:04:05","last_mod_date":"2026-01-02 03:04:05"}],"next":"1"}`)
		default:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(503)
			_, _ = io.WriteString(w, `{"detail":"the broker is away"}`)
		}
	})
	for range c.Tasks(t.Context(), TaskFilter{State: "same"}) {
	}
	if answers != 2 {
		t.Errorf("a page that would come again was asked for %d times", answers)
	}
	var err error
	seen := 0
	for _, err = range c.Tasks(t.Context(), TaskFilter{}) {
		seen++
	}
	if seen != 2 || rpc.CodeOf(err) != rpc.Unavailable {
		t.Errorf("%d values, then %v", seen, err)
	}
	for _, err = range c.Tasks(t.Context(), TaskFilter{State: "none"}) {
	}
	if err == nil || !strings.Contains(err.Error(), "has no tasks") {
		t.Errorf("got %v", err)
	}
	for range c.Tasks(t.Context(), TaskFilter{}) { // who has enough is not asked on
		break
	}
	if answers != 2+2+1+1 {
		t.Errorf("%d answers", answers)
	}
}
