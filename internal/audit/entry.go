package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

// Entry is one thing that somebody did, or tried to.
type Entry struct {
	Seq  int64        `json:"seq"` // from 1, without a gap
	Time time.Time    `json:"time"`
	Who  rpc.Identity `json:"who"`
	// Action is what was done: the name of a function, or a word such as sign_in.
	Action string `json:"action"`
	On     string `json:"on,omitempty"` // what it was done to: a task, a client, an account
	// Outcome is "ok" or the code of the failure, with its text in Detail.
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"`
	// Arguments are what was asked for, without secrets.
	Arguments json.RawMessage `json:"arguments,omitempty"`
	Trace     string          `json:"trace,omitempty"` // W3C traceparent of the call
	Keyed     bool            `json:"keyed"`           // the hash is an HMAC
	Prev      string          `json:"prev"`            // the hash of the entry before
}

// OK is the outcome of what went well.
const OK = "ok"

const (
	// maxLine bounds a line of the log, in bytes; maxText each free text in it.
	maxLine = 16 << 10
	maxText = 2 << 10
)

const hashMark = `,"hash":"`

// seal encodes an entry as a line of the log and returns its hash.
func (e Entry) seal(key []byte) (line []byte, sum string, err error) {
	e.Keyed = len(key) > 0
	b, err := json.Marshal(e)
	if err != nil {
		return nil, "", fmt.Errorf("encode an entry of the audit log: %w", err)
	}
	b = b[:len(b)-1] // without the brace
	sum = digest(b, key, e.Keyed)
	line = append(append(append(b, hashMark...), sum...), '"', '}', '\n')
	if len(line) > maxLine {
		return nil, "", fmt.Errorf("an entry of the audit log has %d bytes, more than %d", len(line), maxLine)
	}
	return line, sum, nil
}

// open decodes a line, without its end, and checks its hash.
func open(line, key []byte) (e Entry, sum string, err error) {
	tail := len(hashMark) + 2*sha256.Size + len(`"}`)
	if len(line) > maxLine || len(line) < tail {
		return e, "", fmt.Errorf("it is no entry: %.60q", line)
	}
	body, rest := line[:len(line)-tail], line[len(line)-tail:]
	sum, ok := cutHash(rest)
	if !ok {
		return e, "", fmt.Errorf("it has no hash: %.60q", line)
	}
	if err := json.Unmarshal(append(bytes.Clone(body), '}'), &e); err != nil {
		return e, "", fmt.Errorf("it is no entry: %w", err)
	}
	if e.Keyed && len(key) == 0 {
		return e, "", fmt.Errorf("entry %d was made with a key: the cloud's key file is needed to check it", e.Seq)
	}
	if !hmac.Equal([]byte(sum), []byte(digest(body, key, e.Keyed))) {
		return e, "", fmt.Errorf("entry %d was altered, or made with another key", e.Seq)
	}
	return e, sum, nil
}

func cutHash(rest []byte) (string, bool) {
	text, ok := bytes.CutPrefix(rest, []byte(hashMark))
	if !ok {
		return "", false
	}
	text, ok = bytes.CutSuffix(text, []byte(`"}`))
	return string(text), ok
}

func digest(body, key []byte, keyed bool) string {
	var h hash.Hash = sha256.New()
	if keyed {
		h = hmac.New(sha256.New, key)
	}
	h.Write([]byte("agata audit\x00"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// shorten cuts a text to its bound, so that nobody's words fill the log.
func shorten(text string) string {
	if len(text) <= maxText {
		return text
	}
	return string(bytes.ToValidUTF8([]byte(text[:maxText]), nil)) + " [cut]"
}
