package spool

import (
	"bytes"
	"encoding/hex"
	"hash/crc32"
)

const (
	// MaxMessage bounds a message, in bytes.
	MaxMessage = 1 << 20
	// headBytes is what a line has before its message, maxLine all it can have.
	headBytes = 9
	maxLine   = headBytes + MaxMessage + 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendLine appends a message as a line: eight hexadecimal digits, a space, the
// message, a line feed.
func appendLine(to, message []byte) []byte {
	sum := crc32.Checksum(message, castagnoli)
	to = hex.AppendEncode(to, []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	to = append(to, ' ')
	to = append(to, message...)
	return append(to, '\n')
}

// parseLine is the message of a line, which is without its line feed; false for
// one that is damaged.
func parseLine(line []byte) ([]byte, bool) {
	if len(line) < headBytes || line[headBytes-1] != ' ' {
		return nil, false
	}
	var sum [4]byte
	if _, err := hex.Decode(sum[:], line[:headBytes-1]); err != nil {
		return nil, false
	}
	message := line[headBytes:]
	got := crc32.Checksum(message, castagnoli)
	return message, got == uint32(sum[0])<<24|uint32(sum[1])<<16|uint32(sum[2])<<8|uint32(sum[3])
}

// split reads the lines of a piece of a segment, most at the most. used is how
// far it came: what is behind is a line without its end. Damaged lines count as
// lost.
func split(piece []byte, most int) (messages [][]byte, used, lost int) {
	for len(messages) < most {
		n := bytes.IndexByte(piece[used:], '\n')
		if n < 0 {
			break
		}
		if message, ok := parseLine(piece[used : used+n]); ok {
			messages = append(messages, message)
		} else {
			lost++
		}
		used += n + 1
	}
	return messages, used, lost
}
