package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/agata-fl/agata/internal/atomicfile"
)

// maxFile bounds a quarantine file; it is many times what MaxEntries gives.
const maxFile = 8 << 20

type document struct {
	Version int     `json:"version"`
	Entries []Entry `json:"entries"`
}

// Load reads the entries that Save wrote. A file that does not exist holds none.
func Load(path string) ([]Entry, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load the quarantine: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("load the quarantine: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("load the quarantine: %s is larger than %d bytes: move it away to start with none", path, maxFile)
	}
	entries, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("load the quarantine: %s: %w: move it away to start with none", path, err)
	}
	return entries, nil
}

func decode(data []byte) ([]Entry, error) {
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if doc.Version != 1 {
		return nil, fmt.Errorf("version %d is not known", doc.Version)
	}
	for i, e := range doc.Entries {
		if e.Task == "" || e.Failures < 1 {
			return nil, fmt.Errorf("entry %d names no task or no failure", i)
		}
	}
	return doc.Entries, nil
}

// Save replaces the file in one step that survives a crash of the machine.
func Save(path string, entries []Entry) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("save the quarantine: %w", err)
		}
	}()
	data, err := json.MarshalIndent(document{Version: 1, Entries: entries}, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(data, '\n'))
}
