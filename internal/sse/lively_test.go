package sse

import (
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// Each piece counts, also one that holds no message; the end of a stream does not.
func TestLively(t *testing.T) {
	const stream = ": beat\n\ndata: x\n\n"
	pieces, messages := 0, 0
	err := Read(Lively(iotest.OneByteReader(strings.NewReader(stream)), func() { pieces++ }), func(time.Duration) {}, func(m Message) error {
		if m.Data != nil {
			messages++
		}
		return nil
	})
	if err == nil || pieces != len(stream) || messages != 1 {
		t.Errorf("%d pieces of %d bytes, %d messages, %v", pieces, len(stream), messages, err)
	}
}
