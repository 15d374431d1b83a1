package httpx

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// heardBound is for how long the rest of a refused body is read.
const heardBound = 2 * time.Second

// heard lets a client that sends a large body hear why it is refused. net/http sees
// to that itself, but not if the request asks for its connection to be closed after
// it: there the unread rest resets the connection, and the answer may be lost.
func heard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.Body // a handler may put another in its place
		next.ServeHTTP(w, r)
		// Who waits to be told to continue has not sent it.
		if !r.Close || r.ContentLength == 0 || strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
			return
		}
		ctl := http.NewResponseController(w)
		_ = ctl.SetReadDeadline(time.Now().Add(heardBound)) // without support net/http's own timeout holds
		if n, _ := body.Read(make([]byte, 1)); n == 0 {
			return // all was read, or no more comes
		}
		_ = ctl.Flush()                                  // who left is not owed it
		_, _ = io.CopyN(io.Discard, body, maxThrownAway) // likewise
	})
}
