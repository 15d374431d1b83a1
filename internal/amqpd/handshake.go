package amqpd

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"
)

// protocolHeader is what a client says first.
const protocolHeader = "AMQP\x00\x00\x09\x01"

// tlsHandshake is how a client of TLS begins.
const tlsHandshake = 22

// handshake takes the connection from the first byte to connection.open-ok. It
// runs before there is a writer, so it flushes what it says itself.
func (c *conn) handshake() error {
	var header [len(protocolHeader)]byte
	if _, err := io.ReadFull(c.in.r, header[:]); err != nil {
		return fmt.Errorf("read the protocol header: %w", err)
	}
	if string(header[:]) != protocolHeader {
		c.nc.Write([]byte(protocolHeader)) // the one that would have done
		if header[0] == tlsHandshake {
			return errors.New("the client speaks TLS, which this broker is not set up for")
		}
		return fmt.Errorf("the client speaks something else: %q", header)
	}
	c.send(0, idConnectionStart, byte(0), byte(9), serverProperties(), longstr("PLAIN AMQPLAIN"), longstr("en_US"))
	c.out.flush(c.nc)
	err := c.negotiate()
	ae, protocol := errors.AsType[*amqpError](err)
	if protocol {
		c.send(0, idConnectionClose, uint16(ae.code), ae.Error(), uint32(ae.method))
		c.out.flush(c.nc)
		c.awaitCloseOK()
		return err
	}
	c.out.flush(c.nc)
	return err
}

func (c *conn) negotiate() error {
	m, err := c.expect(idConnectionStartOK)
	if err != nil {
		return err
	}
	if err := c.login(m.(connectionStartOK)); err != nil {
		return err
	}
	c.send(0, idConnectionTune, uint16(defaultChannelMax), uint32(defaultFrameMax), uint16(c.s.options.Heartbeat/time.Second))
	c.out.flush(c.nc)
	if m, err = c.expect(idConnectionTuneOK); err != nil {
		return err
	}
	if err := c.tune(m.(connectionTuneOK)); err != nil {
		return err
	}
	if m, err = c.expect(idConnectionOpen); err != nil {
		return err
	}
	vhost := m.(connectionOpen).vhost
	if vhost != "/" {
		return methodError(idConnectionOpen, NotAllowed, "vhost %s not found", vhost)
	}
	if c.crowded {
		return methodError(idConnectionOpen, NotAllowed, "access to vhost '/' refused for user '%s': connection limit (%d) is reached",
			c.user, c.s.options.MaxConnections)
	}
	c.send(0, idConnectionOpenOK, "")
	return nil
}

func methodError(id methodID, code Code, format string, args ...any) *amqpError {
	e := connError(code, format, args...)
	e.method = id
	return e
}

// expect reads the one method that may come next.
func (c *conn) expect(want methodID) (any, error) {
	for {
		f, err := c.in.next()
		if err != nil {
			return nil, fmt.Errorf("wait for %s: %w", want, err)
		}
		c.frames++
		if c.s.faults != nil && c.s.faults.dropIn(c, f) {
			return nil, errors.New("dropped by a fault")
		}
		if f.kind == frameHeartbeat {
			continue
		}
		if f.kind != frameMethod || f.channel != 0 {
			return nil, connError(UnexpectedFrame, "expected %s on channel 0, got a frame of type %d on channel %d", want, f.kind, f.channel)
		}
		id, m, err := decodeMethod(f.payload)
		switch {
		case err != nil:
			return nil, err
		case id == idConnectionClose:
			c.send(0, idConnectionCloseOK)
			return nil, fmt.Errorf("the client closed before %s", want)
		case id != want:
			return nil, methodError(id, CommandInvalid, "expected %s, got %s", want, id)
		}
		return m, nil
	}
}

// login checks the credentials and takes down what the client is.
func (c *conn) login(m connectionStartOK) error {
	c.name, _ = m.properties["connection_name"].(string)
	if caps, ok := m.properties["capabilities"].(table); ok {
		c.caps.cancelNotify, _ = caps["consumer_cancel_notify"].(bool)
		c.caps.blocked, _ = caps["connection.blocked"].(bool)
		c.caps.authFailure, _ = caps["authentication_failure_close"].(bool)
	}
	var user, password string
	switch m.mechanism {
	case "PLAIN":
		if parts := bytes.SplitN([]byte(m.response), []byte{0}, 3); len(parts) == 3 {
			user, password = string(parts[1]), string(parts[2])
		}
	case "AMQPLAIN":
		r := reader{b: []byte(m.response)}
		t := r.fields(0)
		user, _ = t["LOGIN"].(string)
		password, _ = t["PASSWORD"].(string)
	default:
		return methodError(idConnectionStartOK, CommandInvalid, "unsupported authentication mechanism '%s'", m.mechanism)
	}
	want, known := c.s.options.Users[user]
	if same := subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1; !known || !same {
		refusal := methodError(idConnectionStartOK, AccessRefused,
			"Login was refused using authentication mechanism %s. For details see the broker logfile.", m.mechanism)
		refusal.method = 0
		if !c.caps.authFailure { // such clients take a bare end for an answer
			return fmt.Errorf("user %q: %s", user, refusal.text)
		}
		return refusal
	}
	c.user = user
	return nil
}

// tune takes the client's side of the bargain: nothing above what was offered.
func (c *conn) tune(m connectionTuneOK) error {
	c.frameMax, c.channelMax = defaultFrameMax, defaultChannelMax
	switch {
	case m.frameMax > defaultFrameMax:
		return methodError(idConnectionTuneOK, NotAllowed, "negotiated frame_max = %d is higher than the maximum allowed value (%d)", m.frameMax, defaultFrameMax)
	case m.frameMax != 0 && m.frameMax < frameMinSize:
		return methodError(idConnectionTuneOK, NotAllowed, "negotiated frame_max = %d is lower than the minimum allowed value (%d)", m.frameMax, frameMinSize)
	case m.channelMax > defaultChannelMax:
		return methodError(idConnectionTuneOK, NotAllowed, "negotiated channel_max = %d is higher than the maximum allowed value (%d)", m.channelMax, defaultChannelMax)
	}
	if m.frameMax != 0 {
		c.frameMax = m.frameMax
	}
	if m.channelMax != 0 {
		c.channelMax = m.channelMax
	}
	c.in.max = c.frameMax
	c.heartbeat = time.Duration(m.heartbeat) * time.Second
	return nil
}

// awaitCloseOK gives the client a moment to read why it was refused: closing at
// once could make its kernel throw the reason away.
func (c *conn) awaitCloseOK() {
	c.nc.SetReadDeadline(time.Now().Add(closeTimeout))
	for {
		f, err := c.in.next()
		if err != nil || c.handleEnded(f) != nil {
			return
		}
	}
}

func serverProperties() table {
	return table{
		"product": "agata amqpd", "version": "1", "platform": runtime.Version(),
		"information": "embedded broker: one machine, memory only",
		"capabilities": table{
			"publisher_confirms": true, "basic.nack": true, "consumer_cancel_notify": true,
			"exchange_exchange_bindings": true, "authentication_failure_close": true,
			"per_consumer_qos": true, "direct_reply_to": true, "connection.blocked": true,
		},
	}
}
