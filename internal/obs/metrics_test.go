package obs

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func TestNewRegistry(t *testing.T) {
	b := Build{Version: "v1.2.3", Commit: "abc", Go: "go1.26"}
	NewRegistry(b) // a second instance in the process must not disturb
	page := httptest.NewRecorder()
	promhttp.HandlerFor(NewRegistry(b), promhttp.HandlerOpts{}).
		ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	for _, want := range []string{
		"\n" + `agata_build_info{commit="abc",go_version="go1.26",version="v1.2.3"} 1` + "\n",
		"\ngo_goroutines ",
		"\nprocess_open_fds ",
	} {
		if got := strings.Count(page.Body.String(), want); got != 1 {
			t.Errorf("%q appears %d times, want once, in:\n%s", want, got, page.Body)
		}
	}
}
