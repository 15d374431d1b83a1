package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/agata-fl/agata/internal/atomicfile"
)

const effectiveHeader = "# Written by agata: the values in effect. Changes here are lost at the next start.\n"

// WriteEffective writes the values in effect as a config.ini that Load and
// Python's configparser read back alike. The file is replaced at once and
// readable by its owner only, since it holds passwords; a file that agata did
// not write is refused.
func (c *Config) WriteEffective(path string) error { return c.write(path, true, 0o600) }

// WriteForTasks writes the values in effect for task processes, which may be
// another account's: without passwords and tokens, and readable by all.
func (c *Config) WriteForTasks(path string) error { return c.write(path, false, 0o644) }

func (c *Config) write(path string, secrets bool, mode os.FileMode) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write the configuration in effect: %w", err)
	}
	if err == nil && !bytes.HasPrefix(old, []byte(effectiveHeader)) {
		return fmt.Errorf("write the configuration in effect: %s exists and was not written by agata; move it away", path)
	}
	if err := atomicfile.WriteMode(path, c.render(secrets), mode); err != nil {
		return fmt.Errorf("write the configuration in effect: %w", err)
	}
	return nil
}

func (c *Config) render(secrets bool) []byte {
	var b bytes.Buffer
	b.WriteString(effectiveHeader)
	last := ""
	for _, f := range fields() {
		if f.section() != last {
			c.renderAttributes(&b, last)
			last = f.section()
			fmt.Fprintf(&b, "\n[%s]\n", last)
		}
		if _, secret := f.value(c).(secretValue); secret && !secrets {
			continue
		}
		renderKey(&b, f.key(), f.value(c).text())
	}
	return b.Bytes()
}

func (c *Config) renderAttributes(b *bytes.Buffer, section string) {
	if section != infoSection {
		return
	}
	for _, a := range c.Info.Attributes {
		renderKey(b, a.Name, a.raw)
	}
}

func renderKey(b *bytes.Buffer, key, value string) {
	b.WriteString(strings.TrimRight(key+" = "+escape(value), " ") + "\n")
}

// TaskDir returns the working directory for task processes: a folder whose
// config.ini tells Python programs the hosts and ports that are really in use.
// That is Dir when config.ini says all of them and nothing overrides it, and
// tasks run as this account; otherwise the values in effect, without secrets, are
// written into the data folder. Call it once the ports are bound.
func (c *Config) TaskDir() (string, error) {
	if c.fileInEffect() && c.Tasks.User == "" {
		return c.dir, nil
	}
	dir := c.Data
	if c.path != "" && c.dir == c.Data || c.Tasks.User != "" {
		dir = filepath.Join(c.Data, "effective") // the operator's own config.ini is in the data folder
	}
	mode := os.FileMode(0o700)
	if c.Tasks.User != "" {
		mode = 0o755
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return "", fmt.Errorf("make the task processes' working directory: %w", err)
	}
	return dir, c.WriteForTasks(filepath.Join(dir, DefaultPath))
}

func (c *Config) fileInEffect() bool {
	if c.path == "" || filepath.Base(c.path) != DefaultPath {
		return false
	}
	for _, f := range fields() {
		if f.peers && (c.sources[f.name].Kind != FromFile || c.loaded[f.name] != f.value(c).text()) {
			return false
		}
	}
	return true
}
