package bundle

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	algorithm  = "agata-ed25519"
	pemType    = "PRIVATE KEY"
	maxKeyFile = 16 << 10
)

// validName is what a signer may be called: it stands between spaces, in logs.
var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

// PublicKey is a signer's key. Its line is "agata-ed25519 BASE64 NAME".
type PublicKey struct {
	Name string // what the reader calls the signer; no part of the key
	key  ed25519.PublicKey
}

// ID names the key in manifests and signatures: 32 hexadecimal digits.
func (k PublicKey) ID() string {
	sum := sha256.Sum256(append([]byte(algorithm+" "), k.key...))
	return hex.EncodeToString(sum[:16])
}

// String is the key's line, as allow-lists have it.
func (k PublicKey) String() string {
	return algorithm + " " + base64.StdEncoding.EncodeToString(k.key) + " " + k.Name
}

// ParsePublicKey reads a key's line. Its error wraps ErrKey.
func ParsePublicKey(line string) (PublicKey, error) {
	fields := strings.Split(line, " ")
	if len(fields) != 3 || fields[0] != algorithm {
		return PublicKey{}, fmt.Errorf("%w: %.100q is not of the form %q", ErrKey, line, algorithm+" BASE64 NAME")
	}
	key, err := base64.StdEncoding.Strict().DecodeString(fields[1])
	if err != nil || len(key) != ed25519.PublicKeySize || len(fields[1]) != base64.StdEncoding.EncodedLen(len(key)) {
		return PublicKey{}, fmt.Errorf("%w: %.100q is not a key of %d bytes in base64", ErrKey, fields[1], ed25519.PublicKeySize)
	}
	if !validName.MatchString(fields[2]) {
		return PublicKey{}, nameError(fields[2])
	}
	return PublicKey{Name: fields[2], key: key}, nil
}

func nameError(name string) error {
	return fmt.Errorf("%w: the name %.100q must have 1 to 64 letters, digits and . _ @ -, and begin with a letter or digit", ErrKey, name)
}

// PrivateKey signs.
type PrivateKey struct {
	Name string
	key  ed25519.PrivateKey
}

// NewKey makes a key.
func NewKey(name string) (PrivateKey, error) {
	if !validName.MatchString(name) {
		return PrivateKey{}, nameError(name)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("make a key: %w", err)
	}
	return PrivateKey{Name: name, key: key}, nil
}

// Public is the key that verifies.
func (k PrivateKey) Public() PublicKey {
	public, _ := k.key.Public().(ed25519.PublicKey) // what it always is
	return PublicKey{Name: k.Name, key: public}
}

// Save writes the key to a new file that only its owner may read: PKCS #8 in PEM.
// An older file of the name is left alone; then the error is fs.ErrExist.
func (k PrivateKey) Save(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return fmt.Errorf("encode the key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	err = pem.Encode(f, &pem.Block{Type: pemType, Bytes: der})
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the key: %w", err), os.Remove(path))
	}
	return nil
}

// ParsePrivateKey reads what Save writes. Its error wraps ErrKey.
func ParsePrivateKey(text []byte, name string) (PrivateKey, error) {
	if !validName.MatchString(name) {
		return PrivateKey{}, nameError(name)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(rest) > 0 {
		return PrivateKey{}, fmt.Errorf("%w: it is not one PEM block of type %s", ErrKey, pemType)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("%w: it is not PKCS #8: %w", ErrKey, err)
	}
	signer, ok := key.(ed25519.PrivateKey)
	if !ok {
		return PrivateKey{}, fmt.Errorf("%w: it is a %T, not an Ed25519 key", ErrKey, key)
	}
	return PrivateKey{Name: name, key: signer}, nil
}

// LoadPrivateKey reads a key's file, which others than its owner must not be able
// to read. The signer's name is the file's, without its ending.
func LoadPrivateKey(path string) (PrivateKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("read the key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return PrivateKey{}, fmt.Errorf("read the key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return PrivateKey{}, fmt.Errorf("%w: others may read %s: chmod 600 it, or make a new one", ErrKey, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return PrivateKey{}, fmt.Errorf("read the key: %w", err)
	}
	base := filepath.Base(path)
	key, err := ParsePrivateKey(text, strings.TrimSuffix(base, filepath.Ext(base)))
	if err != nil {
		return PrivateKey{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}
