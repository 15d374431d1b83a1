package bundle

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

// domain keeps a signature of a manifest from being one of anything else.
const domain = "agata-bundle-v1\x00"

func signed(manifest []byte) []byte { return append([]byte(domain), manifest...) }

// Sign makes the two files of a bundle: the manifest of a task's files, in any
// order, and its signature.
func Sign(task string, files []File, created time.Time, k PrivateKey) (manifest, signature []byte, err error) {
	m := &Manifest{Version: version, Task: task, Created: created, Files: slices.Clone(files), Key: k.Public().ID()}
	slices.SortFunc(m.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	if err := m.check(); err != nil {
		return nil, nil, fmt.Errorf("sign task %s: %w", task, err)
	}
	if manifest, err = m.encode(); err != nil {
		return nil, nil, err
	}
	if len(manifest) > MaxManifest {
		return nil, nil, fmt.Errorf("sign task %s: its manifest would have more than %d bytes", task, MaxManifest)
	}
	return manifest, encodeSignature(m.Key, ed25519.Sign(k.key, signed(manifest))), nil
}

func encodeSignature(key string, sig []byte) []byte {
	return []byte(key + " " + base64.StdEncoding.EncodeToString(sig) + "\n")
}

// parseSignature reads "KEY-ID BASE64" and a line's end, in its only spelling.
func parseSignature(text []byte) (key string, sig []byte, err error) {
	key, rest, _ := strings.Cut(string(text), " ")
	sig, err = base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(rest, "\n"))
	if err != nil || !validKeyID.MatchString(key) || len(sig) != ed25519.SignatureSize || !bytes.Equal(encodeSignature(key, sig), text) {
		return "", nil, fmt.Errorf("%w: its signature is none", ErrUntrusted)
	}
	return key, sig, nil
}

// Verify returns the manifest if one of the trusted signers signed its very
// bytes. Whether it is the wanted task's is for the caller. Its error wraps
// ErrUntrusted.
func Verify(manifest, signature []byte, trusted Keys) (*Manifest, error) {
	id, sig, err := parseSignature(signature)
	if err != nil {
		return nil, err
	}
	key, known := trusted.byID[id]
	if !known {
		return nil, fmt.Errorf("%w: the key %s that signed it is not in the allow-list", ErrUntrusted, id)
	}
	if len(manifest) > MaxManifest || !ed25519.Verify(key.key, signed(manifest), sig) {
		return nil, fmt.Errorf("%w: its manifest is not what %s signed", ErrUntrusted, key.Name)
	}
	m, err := Parse(manifest)
	if err != nil {
		return nil, err
	}
	if m.Key != id {
		return nil, fmt.Errorf("%w: its manifest names another key than its signature", ErrUntrusted)
	}
	return m, nil
}

// Signer is the name under which the allow-list has the key of a manifest.
func (l Keys) Signer(m *Manifest) string { return l.byID[m.Key].Name }
