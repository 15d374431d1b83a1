// Package tasks is the catalogue of the experiments' tasks: real federated
// learning, small enough to finish in seconds. The code of each is embedded, so
// that whoever runs an experiment can register, lay out and start them from the
// binary alone.
package tasks

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
)

//go:embed */task.json 4fe5/*.py
var files embed.FS

// Manifest is a task as its task.json describes it.
type Manifest struct {
	TaskID      string `json:"task_id"`
	Description string `json:"description"`
	// Base names the task whose code this one runs with arguments of its own; ""
	// means that the code is its own.
	Base string `json:"base,omitempty"`
	// Build names the Go command, a folder beside this file, whose one binary is
	// each of the task's files; "" for a task in Python.
	Build string `json:"build,omitempty"`

	ServerFiles       []string `json:"server_files"` // what the cloud needs to run the server
	FilesPaths        []string `json:"files_paths"`  // what a client downloads
	SelectionCriteria string   `json:"selection_criteria"`
	ServerArguments   string   `json:"server_arguments"` // separated by spaces, none contains one
	ClientArguments   string   `json:"client_arguments"`
	Tags              []string `json:"tags"`
}

// IDs returns the tasks of the catalogue in alphabetical order.
func IDs() ([]string, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list the tasks: %w", err)
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.Name())
	}
	return ids, nil
}

// Load returns the manifest of a task.
func Load(id string) (Manifest, error) {
	text, err := files.ReadFile(path.Join(id, "task.json"))
	if err != nil {
		return Manifest{}, fmt.Errorf("there is no task %q in the catalogue: %w", id, err)
	}
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("read the manifest of task %q: %w", id, err)
	}
	return m, nil
}

// ReadFile returns one of the task's files, by its name in ServerFiles or FilesPaths.
func (m Manifest) ReadFile(name string) ([]byte, error) {
	if !slices.Contains(m.ServerFiles, name) && !slices.Contains(m.FilesPaths, name) {
		return nil, fmt.Errorf("task %s has no file %q", m.TaskID, name)
	}
	if m.Build != "" {
		return nil, fmt.Errorf("file %q of task %s has to be built: go build -o %s ./experiments/tasks/%s", name, m.TaskID, name, m.Build)
	}
	folder := m.TaskID
	if m.Base != "" {
		folder = m.Base
	}
	text, err := files.ReadFile(path.Join(folder, name))
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", m.TaskID, err)
	}
	return text, nil
}

// Install writes the named files of the task into a folder, which it makes.
func (m Manifest) Install(dir string, names []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("install task %s: %w", m.TaskID, err)
	}
	for _, name := range names {
		text, err := m.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("install task %s: %w", m.TaskID, err)
		}
	}
	return nil
}
