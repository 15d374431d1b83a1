package app

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/agata-fl/agata/internal/audit"
)

// openAudit opens the audit log of a service; the app closes it when all
// have ended.
func (a *App) openAudit(service string) (*audit.Log, error) {
	key, err := a.auditKey()
	if err != nil {
		return nil, err
	}
	l, err := audit.Open(filepath.Join(a.cfg.Data, "audit"), service, key, a.log.With("service", service))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", service, err)
	}
	a.closers = append(a.closers, l)
	return l, nil
}

// auditKey is the cloud's key; nil if there is none.
func (a *App) auditKey() ([]byte, error) {
	b, err := os.ReadFile(a.cfg.Auth.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(strings.TrimSpace(string(b)))
}
