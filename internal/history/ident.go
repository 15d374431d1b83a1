package history

import (
	"encoding/hex"

	"github.com/google/uuid"
)

// Ids are most of what an event's indexes hold, and nearly all are UUIDs or
// trace ids: 16 bytes, that take 36 or 32 as text.

// packID is how an id is stored: nil for "", 16 bytes for a UUID in its usual
// form, itself for others.
func packID(id string) any {
	switch len(id) {
	case 0:
		return nil
	case 36:
		if id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' {
			if b := packHex(id[:8] + id[9:13] + id[14:18] + id[19:23] + id[24:]); b != nil {
				return b
			}
		}
	}
	return id
}

// packHex returns the bytes of an even number of hexadecimal digits, with small
// letters; nil for any other text.
func packHex(text string) []byte {
	b := make([]byte, 0, 16)
	for i := 0; i+1 < len(text); i += 2 {
		high, low := digit(text[i]), digit(text[i+1])
		if high > 15 || low > 15 {
			return nil
		}
		b = append(b, high<<4|low)
	}
	return b
}

// digit is the value of a hexadecimal digit; 255 if it is none, or a capital.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

func unpackID(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		if u, err := uuid.FromBytes(v); err == nil {
			return u.String()
		}
	}
	return ""
}

func packTrace(trace string) any {
	if len(trace) == 32 {
		if b := packHex(trace); b != nil {
			return b
		}
	}
	if trace == "" {
		return nil
	}
	return trace
}

func unpackTrace(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return hex.EncodeToString(v)
	}
	return ""
}
