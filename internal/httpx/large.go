package httpx

import (
	"io"
	"net/http"
)

const (
	// smallBody is up to which size a request's body needs no place in Large, in bytes.
	smallBody = 64 << 10
	// maxThrownAway is how much of a refused body is read, so that its sender hears the
	// answer and is not reset.
	maxThrownAway = 8 << 20
)

// Large bounds how many large bodies are held in memory at once, so that many of them
// do not take what all others need. Small ones do not count.
type Large struct{ places chan struct{} }

// NewLarge has n places.
func NewLarge(n int) *Large { return &Large{make(chan struct{}, n)} }

// Enter takes a place for the body of a request, if it needs one, until leave is
// called. If none is left it throws the body away and says false: answer with a
// status that asks to come again.
func (l *Large) Enter(w http.ResponseWriter, r *http.Request) (leave func(), ok bool) {
	if r.Body == nil || r.ContentLength >= 0 && r.ContentLength <= smallBody {
		return func() {}, true
	}
	select {
	case l.places <- struct{}{}:
		return func() { <-l.places }, true
	default:
		_, _ = io.CopyN(io.Discard, r.Body, maxThrownAway) // one that ends early is refused all the same
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Connection", "close")
		return nil, false
	}
}
