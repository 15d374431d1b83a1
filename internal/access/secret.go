package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Kind tells what a token is for. It is the token's prefix.
type Kind string

// The kinds. None is what bears no prefix of ours.
const (
	None       Kind = ""
	Session    Kind = "ags_" // of an operator that signed in
	APIToken   Kind = "agt_" // of an operator's program
	Credential Kind = "agc_" // of a client
	Enrolment  Kind = "age_" // of a client that is to get its credential
)

// secretBytes is how much of a token is random.
const secretBytes = 32

// digest is what is kept of a token.
type digest [sha256.Size]byte

// mint makes a token.
func mint(kind Kind) (token string, kept digest) {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	token = string(kind) + base64.RawURLEncoding.EncodeToString(b)
	return token, digestOf(token)
}

func digestOf(token string) digest { return sha256.Sum256([]byte(token)) }

// KindOf tells of what kind a text would be if it were a token: whether it is one
// is known to a [Store] alone.
func KindOf(token string) Kind {
	if len(token) != len(Session)+base64.RawURLEncoding.EncodedLen(secretBytes) {
		return None
	}
	for _, kind := range []Kind{Session, APIToken, Credential, Enrolment} {
		if strings.HasPrefix(token, string(kind)) {
			return kind
		}
	}
	return None
}
