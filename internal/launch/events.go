package launch

import "golang.org/x/time/rate"

// What one task may put on the timeline, which all share.
const (
	EventsPerSecond = 100
	eventsAtOnce    = 500
)

// NewEventLimiter bounds the events of one execution, or its rounds.
func NewEventLimiter() *rate.Limiter { return rate.NewLimiter(EventsPerSecond, eventsAtOnce) }
