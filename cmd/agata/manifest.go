package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agata-fl/agata/experiments/tasks"
	"github.com/agata-fl/agata/internal/artifact"
	"github.com/agata-fl/agata/pkg/contract"
)

// manifestName is the manifest's name in a task's folder.
const manifestName = "task.json"

// manifest is a task's description with what only its registration needs.
type manifest struct {
	tasks.Manifest
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Username string `json:"username"`
	Password string `json:"password"`

	folder string // where its files are
	home   string // where its task.json is
}

// readManifest reads a task.json, or that of a folder.
func readManifest(path string) (*manifest, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, manifestName)
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("there is no %s; see experiments/tasks for examples", path)
	}
	if err != nil {
		return nil, usagef("read the task's manifest: %w", err)
	}
	m := &manifest{home: filepath.Dir(path)}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, usagef("%s is no manifest of a task: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, usagef("%s is no manifest of a task: something follows it", path)
	}
	if m.Base != "" && artifact.ValidTaskID(m.Base) != nil {
		return nil, usagef("%s: base is %q, not the name of a folder beside this one", path, m.Base)
	}
	m.folder = m.home
	if m.Base != "" {
		m.folder = filepath.Join(filepath.Dir(filepath.Clean(m.home)), m.Base)
		if m.home == "." { // the folder's own name is not in the path
			m.folder = filepath.Join("..", m.Base)
		}
	}
	return m, nil
}

// request is the task as it is registered. host stands in for one that the
// manifest leaves out; a password is made when there is none.
func (m *manifest) request(host string) (contract.CreateTaskRequest, error) {
	req := contract.CreateTaskRequest{
		TaskID: m.TaskID, Host: cmp.Or(m.Host, host), Port: m.Port,
		Username: cmp.Or(m.Username, "agata"), Password: cmp.Or(m.Password, rand.Text()),
		FilesPaths: m.FilesPaths, SelectionCriteria: m.SelectionCriteria, ServerArguments: m.ServerArguments, Tags: m.Tags,
	}
	if m.ClientArguments != "" {
		req.ClientArguments = &m.ClientArguments
	}
	if err := artifact.ValidTaskID(m.TaskID); err != nil {
		return req, usageError{err}
	}
	if len(m.FilesPaths) == 0 {
		return req, usagef("task %s has no files for its clients: name them by --file client.py, or by files_paths in a manifest", m.TaskID)
	}
	for _, name := range m.FilesPaths {
		if err := artifact.ValidPath(name); err != nil {
			return req, usageError{err}
		}
	}
	if m.Port < 0 || m.Port > 65535 {
		return req, usagef("port %d is not between 0 and 65535", m.Port)
	}
	return req, nil
}

// files opens what the manifest names, for the cloud and for clients, each once.
func (m *manifest) files() ([]localFile, error) {
	var files []localFile
	for _, name := range slices.Concat(m.ServerFiles, m.FilesPaths) {
		if slices.ContainsFunc(files, func(f localFile) bool { return f.name == name }) {
			continue
		}
		f, err := openLocal(name, filepath.Join(m.folder, filepath.FromSlash(name)))
		if err != nil {
			closeFiles(files)
			return nil, m.missing(name, err)
		}
		files = append(files, f)
	}
	return files, nil
}

// missing says how a file that is not there comes about.
func (m *manifest) missing(name string, err error) error {
	if m.Build == "" || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	source := filepath.Clean(m.home)
	if !filepath.IsAbs(source) && !strings.HasPrefix(source, "..") {
		source = "./" + source
	}
	return fmt.Errorf("%w; build it: go build -o %s %s", err, filepath.Join(m.folder, name), source)
}
