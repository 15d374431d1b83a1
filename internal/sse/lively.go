package sse

import "io"

// Lively reads from r, and calls alive for each piece that comes: also for the
// heartbeats of a stream, of which [Read] tells nothing.
func Lively(r io.Reader, alive func()) io.Reader { return lively{r, alive} }

type lively struct {
	io.Reader
	alive func()
}

func (l lively) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if n > 0 {
		l.alive()
	}
	return n, err
}
