package app

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/agata-fl/agata/internal/audit"
)

// openAudit opens the audit log of a service; the app closes it when all
// have ended.
func (a *App) openAudit(service string) (*audit.Log, error) {
	key, err := a.key()
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

// key is the cloud's; nil if the cloud is open.
func (a *App) key() ([]byte, error) {
	if shut, err := closed(a.cfg); err != nil || !shut {
		return nil, err
	}
	b, err := os.ReadFile(a.cfg.Auth.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the cloud's key: %w", err)
	}
	return hex.DecodeString(strings.TrimSpace(string(b)))
}
