package simulation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// trace is the digest of all that happened.
type trace struct {
	sum    hash.Hash
	buffer []byte
	events int64
}

func newTrace() *trace { return &trace{sum: sha256.New(), buffer: make([]byte, 0, 32<<10)} }

func (t *trace) add(e *event) {
	t.events++
	b := t.buffer
	b = binary.LittleEndian.AppendUint64(b, uint64(e.at))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.arg))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.who))
	b = append(b, byte(e.kind))
	t.flush(b)
}

// note adds what an event led to.
func (t *trace) note(n byte, arg int64) {
	t.flush(binary.LittleEndian.AppendUint64(append(t.buffer, n), uint64(arg)))
}

func (t *trace) flush(b []byte) {
	if len(b) > cap(t.buffer)-32 {
		t.sum.Write(b)
		b = b[:0]
	}
	t.buffer = b
}

// digest ends the trace.
func (t *trace) digest() string {
	t.sum.Write(t.buffer)
	return hex.EncodeToString(t.sum.Sum(nil))
}
