package usermanager

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

// Options of a [Service]. Data and Base's Transport and Schemas are required.
type Options struct {
	// Data is the folder of user-manager.db; it is made when missing.
	Data string
	// Database is the PostgreSQL database to use in place of that file.
	Database database.Server
	// Base is how the service stands on its broker; its names are set here.
	Base baseservice.Options
}

// Service is the user manager.
type Service struct {
	base  *baseservice.Service
	path  string
	where database.Server
	store *store // from the start of Run on
}

// New checks the options; it opens and starts nothing.
func New(opt Options) (*Service, error) {
	if opt.Data == "" {
		return nil, errors.New("usermanager: the data folder is not set")
	}
	opt.Base.Name, opt.Base.EventName = "user-manager", contract.EventUserManager
	base, err := baseservice.New(opt.Base)
	if err != nil {
		return nil, err
	}
	s := &Service{base: base, path: filepath.Join(opt.Data, "user-manager.db"), where: opt.Database}
	// With SQLite one connection writes and four read: more at once would only wait.
	baseservice.Handle(base, updateUser, s.update, baseservice.Remembered(memory{s}))
	baseservice.Handle(base, getUser, s.get, baseservice.Concurrency(16))
	baseservice.Handle(base, listUsers, s.list, baseservice.Concurrency(2))
	return s, nil
}

// memory is the store's, once there is one.
type memory struct{ *Service }

// Recall implements [baseservice.Memory].
func (m memory) Recall(ctx context.Context, call baseservice.Call) (json.RawMessage, bool, error) {
	return m.store.calls.Recall(ctx, call)
}

// Started is closed when the functions are served for the first time.
func (s *Service) Started() <-chan struct{} { return s.base.Started() }

// Run opens the records and serves until ctx ends; it returns nil on a clean
// stop. A Service runs once.
func (s *Service) Run(ctx context.Context) error {
	db, err := database.Open(ctx, s.path, migrations(), database.Options{Server: s.where})
	if err != nil {
		return err
	}
	if s.store, err = newStore(ctx, db); err == nil {
		err = s.base.Run(ctx)
	}
	return errors.Join(err, db.Close())
}
