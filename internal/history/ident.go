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
		if u, err := uuid.Parse(id); err == nil && u.String() == id {
			return u[:]
		}
	}
	return id
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
		if b, err := hex.DecodeString(trace); err == nil && hex.EncodeToString(b) == trace {
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
