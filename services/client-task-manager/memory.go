package clienttaskmanager

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/agata-fl/agata/internal/atomicfile"
	"github.com/agata-fl/agata/internal/control"
)

// memory keeps what control.Client must find after a restart: offers.json in the
// data folder. It names no password.
type memory struct {
	path   string
	userID string
	log    *slog.Logger
}

// remembered is what is in the file.
type remembered struct {
	Version int           `json:"version"`
	UserID  string        `json:"user_id"` // whose offers they are
	State   control.State `json:"state"`
}

// maxMemory bounds the file, in bytes.
const maxMemory = 16 << 20

func newMemory(opt Options, log *slog.Logger) memory {
	return memory{path: filepath.Join(opt.Data, "offers.json"), userID: opt.UserID, log: log}
}

// load returns what is on disk. A client can do without: what cannot be read is
// logged, and the next answer of the cloud replaces it.
func (m memory) load() control.State {
	r, err := m.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		m.log.Warn("what the cloud offered last is not known: nothing will start from disk before the cloud answers", "err", err)
	case r.UserID != m.userID:
		m.log.Info("what the cloud offered last was for another client", "user_id", r.UserID)
	default:
		return r.State
	}
	return control.State{}
}

func (m memory) read() (r remembered, err error) {
	file, err := os.Open(m.path)
	if err != nil {
		return r, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxMemory+1))
	if err != nil {
		return r, err
	}
	return parseMemory(b)
}

// parseMemory reads the file's content.
func parseMemory(b []byte) (r remembered, err error) {
	if len(b) > maxMemory {
		return r, fmt.Errorf("offers.json is larger than %d bytes", maxMemory)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return remembered{}, fmt.Errorf("offers.json: %w", err)
	}
	if r.Version != 1 {
		return remembered{}, fmt.Errorf("offers.json: version %d is not known", r.Version)
	}
	return r, nil
}

// save replaces the file. One that cannot be saved costs no more than the start
// from disk.
func (m memory) save(s control.State) {
	b, err := json.MarshalIndent(remembered{Version: 1, UserID: m.userID, State: s}, "", " ")
	if err == nil {
		err = atomicfile.Write(m.path, b)
	}
	if err != nil {
		m.log.Warn("what the cloud offered is not on disk: a restart without a network would start nothing", "err", err)
	}
}
