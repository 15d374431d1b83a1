package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func contentOf(text string) Content {
	sum := sha256.Sum256([]byte(text))
	return Content{Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
}

// What is expected is what counts, whatever the server has and says of it.
func TestFetchWhatIsExpected(t *testing.T) {
	good := strings.Repeat("g", 1000)
	const digest, other, none = "digest", "other", "none" // the ETag of the server
	for name, tc := range map[string]struct {
		server, etag  string
		here, partial string // in the folder, before
		drops         int
		want          error
		log           []string
	}{
		"the same":                    {server: good, etag: digest, log: []string{"model 200"}},
		"the same, no digest":         {server: good, etag: none, log: []string{"model 200"}},
		"one byte":                    {server: good[1:] + "h", etag: digest, want: ErrDigest, log: []string{"model 200"}},
		"one byte, no digest":         {server: good[1:] + "h", etag: none, want: ErrDigest, log: []string{"model 200"}},
		"one byte, the right digest":  {server: good[1:] + "h", etag: other, want: ErrDigest, log: []string{"model 200"}},
		"shorter":                     {server: good[1:], etag: none, want: ErrDigest, log: []string{"model 200"}},
		"longer":                      {server: good + "g", etag: none, want: ErrDigest, log: []string{"model 200"}},
		"much longer":                 {server: strings.Repeat(good, 100), etag: other, want: ErrDigest, log: []string{"model 200"}},
		"is there":                    {server: "anything", etag: digest, here: good},
		"is there, other":             {server: good, etag: digest, here: "older", log: []string{"model 200"}},
		"is there, as the server has": {server: "older", etag: digest, here: "older", want: ErrDigest, log: []string{"model 200"}},
		"goes on":                     {server: good, etag: digest, partial: good[:500], log: []string{"model bytes=500- 206"}},
		"goes on, no digest":          {server: good, etag: none, partial: good[:500], log: []string{"model bytes=500- 206"}},
		"goes on, of another version": {server: good, etag: none, partial: strings.Repeat("o", 500), log: []string{"model 200", "model bytes=500- 206"}},
		"goes on, longer":             {server: good, etag: none, partial: good + "x", log: []string{"model 200", "model bytes=1001- 416"}},
		"breaks off":                  {server: good, etag: none, drops: 1, log: []string{"model 200", "model bytes=500- 206"}},
		"nobody there":                {server: "", etag: "", want: ErrNotFound, log: []string{"model 404"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := &counted{Handler: dropping(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch tc.etag {
				case digest:
					w.Header().Set("ETag", `"`+contentOf(tc.server).SHA256+`"`)
				case other:
					w.Header().Set("ETag", `"`+contentOf(good).SHA256+`"`)
				case "":
					http.NotFound(w, r)
					return
				}
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader(tc.server))
			}), tc.drops)}
			f := newFetcher(t, serve(t, h).URL, Limits{})
			dir := t.TempDir()
			if tc.here != "" {
				write(t, filepath.Join(dir, "model"), tc.here)
			}
			if tc.partial != "" {
				write(t, filepath.Join(dir, "model.partial"), tc.partial)
			}
			req := request(dir, "model")
			req.Expect = map[string]Content{"model": contentOf(good), "other": contentOf("")}
			files, err := f.Fetch(t.Context(), req)
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if got := h.take(); !cmp.Equal(got, tc.log) {
				t.Errorf("requests %q, want %q", got, tc.log)
			}
			left := []string{}
			if tc.here != "" || tc.want == nil {
				left = append(left, "model")
			}
			if diff := cmp.Diff(left, append([]string{}, tree(t, dir)...)); diff != "" {
				t.Errorf("in the folder: %s", diff)
			}
			if tc.want == nil && (read(t, filepath.Join(dir, "model")) != good || files[0].SHA256 != contentOf(good).SHA256) {
				t.Errorf("not what was expected: %+v", files)
			}
			if tc.want != nil && tc.here != "" && read(t, filepath.Join(dir, "model")) != tc.here {
				t.Error("what was refused took the file's name")
			}
		})
	}
}

func TestFetchOfWhatNobodyExpects(t *testing.T) {
	h := &counted{Handler: http.NotFoundHandler()}
	f := newFetcher(t, serve(t, h).URL, Limits{})
	req := request(t.TempDir(), "model")
	req.Expect = map[string]Content{}
	if _, err := f.Fetch(t.Context(), req); !errors.Is(err, ErrBadPath) || len(h.take()) != 0 {
		t.Errorf("got %v", err)
	}
}

func TestFetchWithASmallBound(t *testing.T) {
	h := &counted{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(strings.Repeat("x", 101)))
	})}
	f := newFetcher(t, serve(t, h).URL, Limits{})
	req := request(t.TempDir(), "model")
	req.MaxFileBytes = 100
	if _, err := f.Fetch(t.Context(), req); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	req.MaxFileBytes = 101
	if _, err := f.Fetch(t.Context(), req); err != nil {
		t.Error(err)
	}
}
