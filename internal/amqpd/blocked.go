package amqpd

import "time"

// awaitUnblocked waits until the broker takes messages again.
func (c *conn) awaitUnblocked() {
	for {
		lifted, _ := c.s.alarm.wait()
		if lifted == nil {
			break
		}
		c.tellBlocked()
		select {
		case <-lifted:
		case <-c.over:
			return
		}
	}
	c.tellBlocked()
	c.armed = time.Time{} // not reading was our doing
	c.arm()
}

// tellBlocked sends connection.blocked or unblocked if the client should hear it.
func (c *conn) tellBlocked() {
	if !c.caps.blocked || !c.published.Load() {
		return
	}
	c.blocked.Lock()
	defer c.blocked.Unlock()
	lifted, reason := c.s.alarm.wait()
	switch raised := lifted != nil; {
	case raised == c.blocked.told:
	case raised:
		c.blocked.told = true
		c.send(0, idConnectionBlocked, reason)
	default:
		c.blocked.told = false
		c.send(0, idConnectionUnblocked)
	}
}
