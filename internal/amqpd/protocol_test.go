package amqpd

import (
	"io"
	"testing"
)

// frames joins frames to one write.
func frames(fs ...[]byte) []byte {
	var all []byte
	for _, f := range fs {
		all = append(all, f...)
	}
	return all
}

func TestProtocolErrors(t *testing.T) {
	publish := method(1, idBasicPublish, uint16(0), "", "nowhere", byte(0))
	tooLarge, at := openFrame(nil, frameBody, 1)
	tooLarge = closeFrame(append(tooLarge, make([]byte, frameMinSize)...), at)
	badEnd := method(1, idChannelFlow, true)
	badEnd[len(badEnd)-1] = 0
	unknownKind, at := openFrame(nil, 9, 0)
	unknownKind = closeFrame(unknownKind, at)
	for name, tc := range map[string]struct {
		send []byte
		code Code
		text string
	}{
		"frame larger than agreed":       {tooLarge, FrameError, "exceeds the negotiated maximum"},
		"frame without its end":          {badEnd, FrameError, "instead of 206"},
		"frame of unknown type":          {unknownKind, FrameError, "unknown type 9"},
		"heartbeat on a channel":         {[]byte{frameHeartbeat, 0, 1, 0, 0, 0, 0, frameEnd}, FrameError, "heartbeat"},
		"method cut short":               {method(1, idBasicConsume, uint16(0)), SyntaxError, "basic.consume"},
		"method unknown":                 {method(1, 60<<16|7), CommandInvalid, "method 60.7"},
		"method of the broker":           {method(1, idBasicDeliver), CommandInvalid, "basic.deliver"},
		"channel method on channel 0":    {method(0, idBasicRecover, true), CommandInvalid, "basic.recover"},
		"connection method on a channel": {method(1, idConnectionOpen, "/", "", byte(0)), CommandInvalid, "connection.open"},
		"channel not open":               {method(2, idBasicRecover, true), ChannelError, "expected 'channel.open'"},
		"channel opened twice":           {method(1, idChannelOpen, ""), ChannelError, "second 'channel.open' seen"},
		"channel over channel-max":       {method(3000, idChannelOpen, ""), NotAllowed, "channel_max (2047)"},
		"content without publish":        {header(1, classBasic, 0), UnexpectedFrame, "expected method frame, got non method frame instead"},
		"content on no channel":          {header(2, classBasic, 0), ChannelError, "expected 'channel.open'"},
		"method inside content":          {frames(publish, method(1, idChannelFlow, true)), UnexpectedFrame, "expected content header"},
		"body before header":             {frames(publish, bodyFrame(1, "x")), UnexpectedFrame, "expected content header for class 60, got non content header frame instead"},
		"header twice":                   {frames(publish, header(1, classBasic, 1), header(1, classBasic, 1)), UnexpectedFrame, "expected content body, got non content body frame instead"},
		"header of another class":        {frames(publish, header(1, 10, 1)), UnexpectedFrame, "expected content header for class 60, got one for class 10 instead"},
		"body longer than said":          {frames(publish, header(1, classBasic, 1), bodyFrame(1, "xx")), FrameError, "1 bytes longer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := dialRaw(t, serve(t, Options{})).open()
			r.write(tc.send)
			r.closes(idConnectionClose, tc.code, tc.text)
			if tc.code != FrameError || name == "frame of unknown type" {
				r.write(frames(method(1, idChannelFlow, true), method(0, idConnectionCloseOK))) // the first is ignored
			}
			r.ends()
		})
	}
}

func TestHandshakeErrors(t *testing.T) {
	tune := func(channelMax uint16, frameMax uint32) []byte {
		return frames(startOK("guest", "guest", nil), method(0, idConnectionTuneOK, channelMax, frameMax, uint16(0)))
	}
	for name, tc := range map[string]struct {
		send []byte
		code Code
		text string
	}{
		"frame-max too high":   {tune(0, 1<<20), NotAllowed, "frame_max = 1048576 is higher"},
		"frame-max too low":    {tune(0, 100), NotAllowed, "frame_max = 100 is lower"},
		"channel-max too high": {tune(60000, 0), NotAllowed, "channel_max = 60000 is higher"},
		"open first":           {method(0, idConnectionOpen, "/", "", byte(0)), CommandInvalid, "expected connection.start-ok, got connection.open"},
		"a channel first":      {method(1, idChannelOpen, ""), UnexpectedFrame, "on channel 0"},
		"mechanism": {method(0, idConnectionStartOK, table{}, "EXTERNAL", longstr(""), "en_US"), CommandInvalid,
			"unsupported authentication mechanism 'EXTERNAL'"},
		"password": {startOK("guest", "wrong", table{"authentication_failure_close": true}), AccessRefused, "Login was refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := dialRaw(t, serve(t, Options{}))
			r.write(frames([]byte(protocolHeader), tc.send))
			r.expect(idConnectionStart)
			if tc.text[:5] == "frame" || tc.text[:5] == "chann" {
				r.expect(idConnectionTune)
			}
			r.closes(idConnectionClose, tc.code, tc.text)
			r.write(method(0, idConnectionCloseOK))
			r.ends()
		})
	}
}

func TestHandshakeEndsBare(t *testing.T) {
	t.Run("password, from a client that cannot take connection.close", func(t *testing.T) {
		r := dialRaw(t, serve(t, Options{}))
		r.write(frames([]byte(protocolHeader), startOK("guest", "wrong", nil)))
		r.expect(idConnectionStart)
		if f, err := r.in.next(); err == nil {
			t.Errorf("got a frame of type %d, want the end", f.kind)
		}
	})
	t.Run("another protocol", func(t *testing.T) {
		r := dialRaw(t, serve(t, Options{}))
		r.write([]byte("GET / HTTP/1.1\r\n\r\n"))
		if got, err := io.ReadAll(r.in.r); string(got) != protocolHeader {
			t.Errorf("got %q, %v; want the protocol header", got, err)
		}
	})
	t.Run("closed before it was open", func(t *testing.T) {
		r := dialRaw(t, serve(t, Options{}))
		r.write(frames([]byte(protocolHeader), method(0, idConnectionClose, uint16(200), "bye", uint32(0))))
		r.expect(idConnectionStart)
		r.expect(idConnectionCloseOK)
		r.ends()
	})
}

// TestClosingChannelIgnores sends more on a channel that the broker has closed.
func TestClosingChannelIgnores(t *testing.T) {
	r := dialRaw(t, serve(t, Options{})).open()
	missing := method(1, idBasicGet, uint16(0), "missing", byte(0))
	publish := frames(method(1, idBasicPublish, uint16(0), "", "k", byte(0)), header(1, classBasic, 1), bodyFrame(1, "x"))
	r.write(frames(missing, missing, publish))
	r.closes(idChannelClose, NotFound, "no queue 'missing'")
	r.write(frames(method(1, idChannelCloseOK), method(1, idChannelOpen, "")))
	r.expect(idChannelOpenOK)
}

// TestNowait declares and consumes without asking for answers.
func TestNowait(t *testing.T) {
	r := dialRaw(t, serve(t, Options{})).open()
	r.write(frames(
		method(1, idQueueDeclare, uint16(0), "q", byte(1<<4), table{}),
		method(1, idQueueBind, uint16(0), "q", "amq.fanout", "k", byte(1), table{}),
		method(1, idBasicConsume, uint16(0), "q", "tag", byte(1<<1|1<<3), table{}),
		method(1, idBasicPublish, uint16(0), "amq.fanout", "k", byte(0)), header(1, classBasic, 0),
	))
	args := r.expect(idBasicDeliver)
	if tag := args.shortstr(); tag != "tag" {
		t.Errorf("delivered to %q", tag)
	}
}
