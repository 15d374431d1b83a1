package chaos

import (
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/bundle"
)

// give puts a task's files where an upload puts them; in a closed system they are
// signed.
func (s *System) give(w *wanted, programs map[string]string) error {
	if s.closed != nil {
		var list []bundle.File
		for name, text := range programs {
			f, err := bundle.Describe(name, strings.NewReader(text))
			if err != nil {
				return err
			}
			list = append(list, f)
		}
		manifest, signature, err := bundle.Sign(w.id, list, time.Now(), s.closed.signer)
		if err != nil {
			return err
		}
		programs = maps.Clone(programs)
		programs[bundle.ManifestName], programs[bundle.SignatureName] = string(manifest), string(signature)
		w.mu.Lock()
		w.digest = bundle.Digest(manifest)
		w.mu.Unlock()
	}
	return writeProgram(filepath.Join(s.cloudWork(), "tasks", "task_"+w.id), programs)
}
