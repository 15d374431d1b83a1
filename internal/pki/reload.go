package pki

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// lookEvery is the time between two looks at the files.
	lookEvery = time.Second
	// Soon is how long before its end a certificate is worth a warning.
	Soon = 30 * 24 * time.Hour
	// tellEvery is the time between two warnings.
	tellEvery = 24 * time.Hour
)

// source is a certificate and its key on disk. It is safe for concurrent use.
type source struct {
	setting   string // in [tls]: cert or client_cert
	cert, key string // paths
	log       *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	seen   [2]fs.FileInfo // the files that pair is of
	bad    [2]fs.FileInfo // those that were complained of
	looked time.Time
	told   time.Time // that the end is near
}

// open reads the pair for the first time.
func open(setting, cert, key string, log *slog.Logger) (*source, error) {
	s := &source{setting: setting, cert: cert, key: key, log: log}
	files, err := s.stat()
	if err == nil {
		s.pair, err = s.load()
	}
	if err != nil {
		return nil, err
	}
	now := time.Now()
	s.seen, s.looked = files, now
	s.tell(now)
	return s, nil
}

// current is the newest pair that could be read.
func (s *source) current() *tls.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.looked) >= lookEvery {
		s.looked = now
		s.renew()
		s.tell(now)
	}
	return s.pair
}

// renew reads files that changed. What cannot be used, as when one of the two is
// still to be written, is told once and looked at again.
func (s *source) renew() {
	files, err := s.stat()
	if err == nil && same(files, s.seen) {
		return
	}
	var fresh *tls.Certificate
	if err == nil {
		fresh, err = s.load()
	}
	if err != nil {
		if !same(files, s.bad) {
			s.bad = files
			s.log.Warn("a changed certificate cannot be used; the old one goes on", "err", err)
		}
		return
	}
	s.pair, s.seen, s.bad, s.told = fresh, files, [2]fs.FileInfo{}, time.Time{}
	s.log.Info("a renewed certificate is in use", "setting", "tls."+s.setting, "file", s.cert, "until", fresh.Leaf.NotAfter)
}

// tell warns of the end, once a day.
func (s *source) tell(now time.Time) {
	end := s.pair.Leaf.NotAfter
	if now.Add(Soon).Before(end) || !s.told.IsZero() && now.Sub(s.told) < tellEvery {
		return
	}
	s.told = now
	if now.After(end) {
		s.log.Error("a certificate has expired, and peers refuse it: replace the file, which needs no restart", "setting", "tls."+s.setting, "file", s.cert, "until", end)
		return
	}
	s.log.Warn("a certificate expires soon: replace the file, which needs no restart", "setting", "tls."+s.setting, "file", s.cert, "until", end)
}

func (s *source) stat() (files [2]fs.FileInfo, err error) {
	var errs [2]error
	files[0], errs[0] = os.Stat(s.cert)
	files[1], errs[1] = os.Stat(s.key)
	if err := errors.Join(errs[:]...); err != nil {
		return files, fmt.Errorf("read the certificate of tls.%s: %w", s.setting, err)
	}
	return files, nil
}

// same tells whether nothing was written since. A file that is not there is nil.
func same(a, b [2]fs.FileInfo) bool {
	for i := range a {
		if a[i] == nil || b[i] == nil {
			if a[i] != b[i] {
				return false
			}
		} else if !os.SameFile(a[i], b[i]) || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Size() != b[i].Size() {
			return false
		}
	}
	return true
}

func (s *source) load() (*tls.Certificate, error) {
	fail := func(err error) (*tls.Certificate, error) {
		return nil, fmt.Errorf("read the certificate of tls.%s: %w", s.setting, err)
	}
	cert, err := os.ReadFile(s.cert)
	if err != nil {
		return fail(err)
	}
	key, err := os.ReadFile(s.key)
	if err != nil {
		return fail(err)
	}
	if _, err := parseCerts(cert); err != nil {
		return fail(fmt.Errorf("%s: %w", s.cert, err))
	}
	pair, err := tls.X509KeyPair(cert, key)
	switch {
	case err == nil:
		return &pair, nil
	case strings.Contains(err.Error(), "does not match"):
		return fail(fmt.Errorf("the key in %s does not belong to the certificate in %s", s.key, s.cert))
	}
	return fail(fmt.Errorf("%s: %w", s.key, err))
}
