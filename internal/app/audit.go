package app

import (
	"fmt"
	"path/filepath"

	"github.com/agata-fl/agata/internal/audit"
)

// openAudit opens the audit log of a service; the app closes it when all
// have ended.
func (a *App) openAudit(service string) (*audit.Log, error) {
	key, err := a.key()
	if err != nil {
		return nil, err
	}
	l, err := audit.Open(filepath.Join(a.cfg.Data, "audit"), service, audit.Key(key), a.log.With("service", service))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", service, err)
	}
	a.closers = append(a.closers, l)
	return l, nil
}
