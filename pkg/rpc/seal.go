package rpc

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

const (
	sealVersion = "v1"
	// maxSeal bounds a seal, in bytes.
	maxSeal = 4 << 10
	// SealAge bounds how old or how far ahead a call's seal may be: clocks of two
	// machines may differ by hours.
	SealAge = 24 * time.Hour
)

// What is wrong with a seal.
var (
	errForged = errors.New("the seal is not of this cloud's key, or was not made for this")
	errSeal   = errors.New("the seal cannot be read")
	errOld    = errors.New("the seal is from another day: look at the clocks of both machines, and call again")
)

var seal64 = base64.RawURLEncoding.Strict()

// claims are what a seal says, beside what it covers.
type claims struct {
	Identity Identity `json:"identity"`
	Issued   int64    `json:"iat"` // unix milliseconds
}

// mac covers a purpose, some texts without a NUL, and a body by its digest. ok is
// false for texts that are ambiguous.
func (k Key) mac(purpose string, body []byte, texts ...string) (sum []byte, ok bool) {
	h := hmac.New(sha256.New, k.secret[:])
	h.Write([]byte(purpose))
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 {
			return nil, false
		}
		h.Write([]byte{0})
		h.Write([]byte(text))
	}
	digest := sha256.Sum256(body)
	h.Write([]byte{0})
	h.Write(digest[:])
	return h.Sum(make([]byte, 0, sha256.Size)), true
}

// vouch makes a seal: v1.CLAIMS.MAC.
func (k Key) vouch(purpose string, i Identity, now time.Time, body []byte, texts ...string) (string, error) {
	b, err := json.Marshal(claims{Identity: i, Issued: now.UnixMilli()})
	if err != nil {
		return "", err
	}
	said := seal64.EncodeToString(b)
	sum, ok := k.mac(purpose, body, append(texts, said)...)
	if !ok {
		return "", errors.New("a function or a message id has a NUL")
	}
	return sealVersion + "." + said + "." + seal64.EncodeToString(sum), nil
}

// believe opens a seal that vouch made with the same arguments.
func (k Key) believe(seal, purpose string, body []byte, texts ...string) (Identity, time.Time, error) {
	said, sum, err := splitSeal(seal)
	if err != nil {
		return Identity{}, time.Time{}, err
	}
	want, ok := k.mac(purpose, body, append(texts, said)...)
	if !ok || !hmac.Equal(sum, want) {
		return Identity{}, time.Time{}, errForged
	}
	b, err := seal64.DecodeString(said)
	if err != nil {
		return Identity{}, time.Time{}, errSeal
	}
	var c claims
	if err := json.Unmarshal(b, &c); err != nil {
		return Identity{}, time.Time{}, errSeal
	}
	switch c.Identity.Kind {
	case Operator, Client, Service:
		return c.Identity, time.UnixMilli(c.Issued), nil
	}
	return Identity{}, time.Time{}, errSeal
}

// splitSeal takes a seal apart, without believing it.
func splitSeal(seal string) (said string, sum []byte, err error) {
	if len(seal) > maxSeal {
		return "", nil, errSeal
	}
	version, rest, _ := strings.Cut(seal, ".")
	said, mac, ok := strings.Cut(rest, ".")
	if version != sealVersion || !ok {
		return "", nil, errSeal
	}
	if sum, err = seal64.DecodeString(mac); err != nil || len(sum) != sha256.Size {
		return "", nil, errSeal
	}
	return said, sum, nil
}

const (
	forCall   = "call"
	forReply  = "reply"
	forRecord = "record"
)

// sealCall vouches for who makes a call.
func (k Key) sealCall(r Request, i Identity, now time.Time) (string, error) {
	return k.vouch(forCall, i, now, r.Body, r.Function, r.MessageID)
}

// openCall tells who made a call.
func (k Key) openCall(m *Message, now time.Time) (Identity, error) {
	i, issued, err := k.believe(m.Seal, forCall, m.Body, m.Function, m.MessageID)
	if err == nil && now.Sub(issued).Abs() > SealAge {
		return Identity{}, errOld
	}
	return i, err
}

// sealReply vouches for the answer of a call; "" for a call that nobody sealed in
// a way that can be answered so.
func (k Key) sealReply(function, messageID string, r Reply) string {
	sum, ok := k.mac(forReply, r.Body, function, messageID, r.Code)
	if !ok {
		return ""
	}
	return sealVersion + "." + seal64.EncodeToString(sum)
}

// believesReply tells whether an answer is that of the cloud to this call.
func (k Key) believesReply(function, messageID string, r Reply) bool {
	text, ok := strings.CutPrefix(r.Seal, sealVersion+".")
	if !ok || len(text) > maxSeal {
		return false
	}
	sum, err := seal64.DecodeString(text)
	want, fits := k.mac(forReply, r.Body, function, messageID, r.Code)
	return err == nil && fits && hmac.Equal(sum, want)
}

// sealMessage puts the seal of a message in front of it, on a line of its own.
func (k Key) sealMessage(queue string, body []byte, i Identity, now time.Time) ([]byte, error) {
	seal, err := k.vouch(forRecord, i, now, body, queue)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(seal)+1+len(body))
	return append(append(append(out, seal...), '\n'), body...), nil
}

// openMessage returns a message without its seal. It may be of any age: messages
// wait, and are known by their ids.
func (k Key) openMessage(queue string, sealed []byte) ([]byte, error) {
	seal, body, ok := bytes.Cut(sealed, []byte("\n"))
	if !ok || len(seal) > maxSeal {
		return nil, errSeal
	}
	_, _, err := k.believe(string(seal), forRecord, body, queue)
	return body, err
}
