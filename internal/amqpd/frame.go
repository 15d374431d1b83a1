package amqpd

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	frameMethod    = 1
	frameHeader    = 2
	frameBody      = 3
	frameHeartbeat = 8
	frameEnd       = 0xCE

	// frameOverhead is a frame's size less its payload.
	frameOverhead = 8
	// frameMinSize is the largest frame that both sides may send before tuning,
	// and the least that either may ask for.
	frameMinSize = 4096
)

// frame is one frame as read. Its payload is good until the next read.
type frame struct {
	kind    byte
	channel uint16
	payload []byte
}

// frameReader reads frames into one buffer that it keeps.
type frameReader struct {
	r   *bufio.Reader
	max uint32 // largest frame, overhead included
	buf []byte
}

// next reads a frame. A malformed one is an *amqpError with code 501, anything
// else is the reader's own error.
func (fr *frameReader) next() (frame, error) {
	head, err := fr.r.Peek(7)
	if err != nil {
		return frame{}, err
	}
	f := frame{kind: head[0], channel: binary.BigEndian.Uint16(head[1:])}
	size := binary.BigEndian.Uint32(head[3:])
	if uint64(size)+frameOverhead > uint64(fr.max) {
		return frame{}, connError(FrameError, "type %d, frame of %d bytes exceeds the negotiated maximum of %d",
			f.kind, uint64(size)+frameOverhead, fr.max)
	}
	if _, err := fr.r.Discard(7); err != nil {
		return frame{}, err
	}
	n := int(size) + 1
	if n > cap(fr.buf) {
		fr.buf = make([]byte, max(n, 512))
	}
	p := fr.buf[:n]
	if _, err := io.ReadFull(fr.r, p); err != nil {
		return frame{}, fmt.Errorf("read a frame's payload: %w", err)
	}
	if p[n-1] != frameEnd {
		return frame{}, connError(FrameError, "type %d, frame ends with octet %d instead of 206", f.kind, p[n-1])
	}
	f.payload = p[:n-1]
	return f, nil
}

// idle says that nothing more can be read without waiting.
func (fr *frameReader) idle() bool { return fr.r.Buffered() < frameOverhead }

// openFrame begins a frame; closeFrame, given the offset openFrame returned,
// sets its length and ends it.
func openFrame(b []byte, kind byte, channel uint16) ([]byte, int) {
	b = appendShort(append(b, kind), channel)
	return appendLong(b, 0), len(b)
}

func closeFrame(b []byte, at int) []byte { return append(patchLength(b, at), frameEnd) }

// openMethod begins a method frame.
func openMethod(b []byte, channel uint16, id methodID) ([]byte, int) {
	b, at := openFrame(b, frameMethod, channel)
	return appendLong(b, uint32(id)), at
}

// appendContent writes a message's header and body frames.
func appendContent(b []byte, channel uint16, m *message, frameMax uint32) []byte {
	b, at := openFrame(b, frameHeader, channel)
	b = appendLong(b, classBasic<<16)
	b = appendLonglong(b, uint64(len(m.body)))
	b = closeFrame(append(b, m.props.raw...), at)
	step := int(frameMax) - frameOverhead
	for body := m.body; len(body) > 0; {
		n := min(step, len(body))
		b, at = openFrame(b, frameBody, channel)
		b = closeFrame(append(b, body[:n]...), at)
		body = body[n:]
	}
	return b
}
