package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"runtime"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/agata-fl/agata/pkg/rpc"
)

// What a password must have, in characters.
const (
	minPassword = 10
	maxPassword = 256
)

// cost is how dear the guessing of a password is made.
type cost struct {
	memoryKiB, passes uint32
	threads           uint8
}

// usual is what OWASP's sheet on storing passwords asks for.
var usual = cost{memoryKiB: 19 << 10, passes: 2, threads: 1}

// hashed is what is kept of a password.
type hashed struct {
	salt, sum []byte
	cost
}

// hasher computes argon2id, of which each takes 19 MiB and a processor for a
// while: few at once, and not many that wait.
type hasher struct {
	cost    cost
	running chan struct{}
	waiting chan struct{}
	count   atomic.Int64 // of what was computed
}

// maxHashing is how many passwords are looked at, or wait for it, at once.
const maxHashing = 64

func newHasher(c cost) *hasher {
	return &hasher{cost: c, running: make(chan struct{}, min(4, runtime.GOMAXPROCS(0))), waiting: make(chan struct{}, maxHashing)}
}

func (h *hasher) sum(ctx context.Context, password string, salt []byte, c cost) ([]byte, error) {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return nil, rpc.Errorf(rpc.Unavailable, "%d others sign in at this moment: try again", maxHashing)
	}
	select {
	case h.running <- struct{}{}:
		defer func() { <-h.running }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	h.count.Add(1)
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, c.passes, c.memoryKiB, c.threads, 32), nil
}

func (h *hasher) hash(ctx context.Context, password string) (hashed, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails: it ends the program instead
	sum, err := h.sum(ctx, password, salt, h.cost)
	return hashed{salt: salt, sum: sum, cost: h.cost}, err
}

// verify tells whether a password is the one that was hashed. With known false,
// since there is no such account, it does the same work and tells no.
func (h *hasher) verify(ctx context.Context, password string, kept hashed, known bool) (bool, error) {
	if !known {
		kept = hashed{salt: make([]byte, 16), sum: make([]byte, 32), cost: h.cost}
	}
	if len(password) > 4*maxPassword { // bytes; nobody's
		password, known = "", false
	}
	sum, err := h.sum(ctx, password, kept.salt, kept.cost)
	return subtle.ConstantTimeCompare(sum, kept.sum) == 1 && known, err
}

// CheckPassword tells what is wrong with a new password of an account, if
// something is. The error is the caller's to correct.
func CheckPassword(name, password string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return rpc.Errorf(rpc.Invalid, "password: it has bytes that are not text")
	case n < minPassword || n > maxPassword:
		return rpc.Errorf(rpc.Invalid, "password: it has %d characters: use %d to %d", n, minPassword, maxPassword)
	case strings.EqualFold(name, password):
		return rpc.Errorf(rpc.Invalid, "password: it is the account's name: use another")
	}
	return nil
}
