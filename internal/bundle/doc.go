// Package bundle signs the files of a task and verifies them where they run.
//
// Task code is what other people's machines execute, and the cloud that hands it
// out need not be trusted for that: who wrote a task signs it, and who runs it
// lists whose signature counts. A bundle is a manifest of the task's files, with
// their sizes and SHA-256, and a detached Ed25519 signature over its exact bytes.
// Both are files among the task's own, [ManifestName] and [SignatureName].
//
// A manifest has one spelling: it is refused unless encoding what was read gives
// the same bytes again. So there are no duplicate keys, no keys in another case,
// no trailing data, and every flipped bit is seen even where no signature is
// checked. The signature is checked before the manifest is read.
//
// Signed are the files, and the task that they are for. Arguments, addresses and
// which of the files a client downloads come from the cloud.
package bundle

import "errors"

// The files of a bundle, at the top of the task's folder.
const (
	ManifestName  = "agata-bundle.json"
	SignatureName = "agata-bundle.sig"
)

// The errors of this package wrap one of these, or are of the disk.
var (
	// ErrUntrusted: there is no bundle, it is not what a bundle is, nobody whom the
	// allow-list names has signed it, or it is another task's.
	ErrUntrusted = errors.New("the task is not trusted")
	// ErrContent: the files are not those of the manifest.
	ErrContent = errors.New("the task's files are not those that were signed")
	// ErrKey: a key, or a list of keys, cannot be used.
	ErrKey = errors.New("unusable key")
)

// IsBundle tells whether a file of a task is one of the two of its bundle.
func IsBundle(path string) bool { return path == ManifestName || path == SignatureName }
