// Package ticket makes and checks the short-lived tokens with which the file
// service is asked for, or given, the files of one task.
//
// A ticket says for itself what it opens, for whom and until when, sealed with the
// key that the cloud's services share: whoever holds the key can check it without
// asking anybody. It is worth one task's files, for minutes; a task's password,
// which peers of the wire contract use, is worth them for ever.
package ticket

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/agata-fl/agata/pkg/rpc"
)

// Use is what a ticket is good for.
type Use string

// The uses.
const (
	Download Use = "download"
	Upload   Use = "upload"
)

// Life is how long a ticket is good: long enough for the retries of a fetch and
// for the interval between two polls, since each poll brings new ones.
const Life = 10 * time.Minute

const (
	prefix = "agd_"
	// maxLength bounds a ticket's text; longer ones are not looked at.
	maxLength = 2 << 10
)

// Ticket opens the files of a task.
type Ticket struct {
	Use     Use          `json:"use"`
	Task    string       `json:"task"`
	Who     rpc.Identity `json:"who"`     // to whom it was given
	Expires int64        `json:"expires"` // unix seconds, by the clock of the cloud
}

// Errors of [Check].
var (
	ErrInvalid = errors.New("the ticket is none of this cloud's, or not for this")
	ErrExpired = errors.New("the ticket has expired: ask for tasks again, which brings a new one")
)

var encoding = base64.RawURLEncoding.Strict()

// Mint makes a ticket that is good from now on for Life.
func Mint(key rpc.Key, use Use, task string, who rpc.Identity, now time.Time) (text string, expires time.Time, err error) {
	if key.IsZero() {
		return "", expires, errors.New("mint a ticket: there is no key")
	}
	expires = now.Add(Life).Truncate(time.Second)
	claims, err := json.Marshal(Ticket{Use: use, Task: task, Who: who, Expires: expires.Unix()})
	if err != nil {
		return "", expires, fmt.Errorf("mint a ticket: %w", err)
	}
	body := encoding.EncodeToString(claims)
	return prefix + body + "." + encoding.EncodeToString(seal(key, body)), expires, nil
}

// Check opens a ticket that must be good for a use now; which task's files it is
// for is in it. Its error is ErrInvalid or ErrExpired.
func Check(key rpc.Key, text string, use Use, now time.Time) (Ticket, error) {
	var t Ticket
	rest, ok := strings.CutPrefix(text, prefix)
	body, sum, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || len(text) > maxLength || key.IsZero() {
		return t, ErrInvalid
	}
	got, err := encoding.DecodeString(sum)
	if err != nil || !hmac.Equal(got, seal(key, body)) {
		return t, ErrInvalid
	}
	claims, err := encoding.DecodeString(body)
	if err != nil || json.Unmarshal(claims, &t) != nil || t.Use != use || t.Task == "" {
		return Ticket{}, ErrInvalid
	}
	if now.Unix() >= t.Expires {
		return Ticket{}, ErrExpired
	}
	return t, nil
}

func seal(key rpc.Key, body string) []byte {
	h := hmac.New(sha256.New, key.Derive("ticket"))
	h.Write([]byte(body))
	return h.Sum(nil)
}
