package clientgateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/agata-fl/agata/pkg/contract"

	"github.com/agata-fl/agata/internal/atomicfile"
)

const (
	// maxOutcomes bounds the commands whose outcome is remembered; the oldest go.
	maxOutcomes = 1000
	// maxOutcome bounds the text of a failure that is remembered, and maxFile their
	// file, in bytes.
	maxOutcome = 1 << 10
	maxFile    = 4 << 20
)

// outcomes remembers how commands went, over restarts if it has a file. It is not
// safe for concurrent use.
type outcomes struct {
	path string // "": in memory only
	byID map[string]contract.CommandResult
	list []contract.CommandResult // the oldest first
}

// outcomesFile is what is on disk.
type outcomesFile struct {
	Version  int                      `json:"version"`
	Outcomes []contract.CommandResult `json:"outcomes"`
}

// loadOutcomes reads what remember wrote; a file that is not there holds none. With
// an error comes an empty memory, which can be used.
func loadOutcomes(path string) (*outcomes, error) {
	o := &outcomes{path: path, byID: map[string]contract.CommandResult{}}
	if path == "" {
		return o, nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return o, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return o, fmt.Errorf("read %s: %w", path, err)
	}
	var kept outcomesFile
	if err := json.Unmarshal(data, &kept); err != nil {
		return o, fmt.Errorf("%s is damaged: %w", path, err)
	}
	if kept.Version != 1 {
		return o, fmt.Errorf("%s has version %d, which is not known", path, kept.Version)
	}
	for _, r := range kept.Outcomes {
		o.add(r)
	}
	return o, nil
}

// of returns how a command went.
func (o *outcomes) of(id string) (contract.CommandResult, bool) {
	r, known := o.byID[id]
	return r, known
}

func (o *outcomes) add(r contract.CommandResult) {
	if _, known := o.byID[r.ID]; known {
		return
	}
	if len(o.list) >= maxOutcomes {
		delete(o.byID, o.list[0].ID)
		o.list = o.list[1:]
	}
	r.Error = r.Error[:min(len(r.Error), maxOutcome)]
	o.byID[r.ID] = r
	o.list = append(o.list, r)
}

// remember keeps an outcome. When it returns nil, a crash of the machine does not
// lose it.
func (o *outcomes) remember(r contract.CommandResult) error {
	o.add(r)
	if o.path == "" {
		return nil
	}
	data, err := json.Marshal(outcomesFile{Version: 1, Outcomes: o.list})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.path), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(o.path, append(data, '\n'))
}
