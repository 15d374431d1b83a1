package amqpx

import "time"

// WaitAlone sets how long a worker waits for another one's end.
func (t *Transport) WaitAlone(d time.Duration) { t.aloneWait = d }
