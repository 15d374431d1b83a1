package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	barWidth = 30
	barEvery = 100 * time.Millisecond
)

// progress shows on a terminal how far a transfer is; elsewhere it is silent. A
// request's body may be read after the request has ended, so it is locked.
type progress struct {
	mu      sync.Mutex
	w       io.Writer // nil: silent, or ended
	total   int64
	sent    int64
	began   time.Time
	drawn   time.Time
	printed bool
}

func newProgress(w io.Writer, total int64) *progress {
	p := &progress{total: total, began: time.Now()}
	if onTerminal(w) {
		p.w = w
	}
	return p
}

func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent += n
	now := time.Now()
	if p.w == nil || now.Sub(p.drawn) < barEvery && p.sent < p.total {
		return
	}
	p.drawn, p.printed = now, true
	fmt.Fprintf(p.w, "\r%s\x1b[K", p.line(now.Sub(p.began)))
}

func (p *progress) line(took time.Duration) string {
	share := 1.0
	if p.total > 0 {
		share = min(float64(p.sent)/float64(p.total), 1)
	}
	full := int(share * barWidth)
	speed := ""
	if took > barEvery {
		speed = ", " + bytesText(int64(float64(p.sent)/took.Seconds())) + "/s"
	}
	return fmt.Sprintf("[%s%s] %3.0f %%  %s of %s%s", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full),
		share*100, bytesText(p.sent), bytesText(p.total), speed)
}

// end leaves the terminal at the beginning of a line.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.printed {
		fmt.Fprintln(p.w)
	}
	p.w, p.printed = nil, false
}
