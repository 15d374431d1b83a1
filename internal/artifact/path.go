package artifact

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxTaskID = 128
	maxPath   = 1024
	maxName   = 240 // NAME_MAX is 255, less what partialSuffix needs
	maxDepth  = 16

	// partialSuffix marks a download in progress, beside its final name.
	partialSuffix = ".partial"
)

// ValidTaskID checks that id may name a folder: a letter or digit, then letters,
// digits, dots, underscores and hyphens, 128 characters at most.
func ValidTaskID(id string) error {
	if id == "" {
		return fmt.Errorf("%w: it is empty", ErrBadTaskID)
	}
	if len(id) > maxTaskID {
		return fmt.Errorf("%w %.32q...: longer than %d characters", ErrBadTaskID, id, maxTaskID)
	}
	for i := range len(id) {
		c := id[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return fmt.Errorf("%w %q: use letters, digits, '.', '_' and '-', and begin with a letter or digit", ErrBadTaskID, id)
		}
	}
	return nil
}

// ValidPath checks the name of a task's file: a relative path in its only spelling,
// with forward slashes, that stays below the task's folder on every system.
// Printable characters only; names that end in ".partial" are reserved.
func ValidPath(p string) error {
	if reason := pathFault(p); reason != "" {
		return fmt.Errorf("%w %.200q: %s", ErrBadPath, p, reason)
	}
	return nil
}

func pathFault(p string) string {
	switch {
	case p == "":
		return "it is empty"
	case len(p) > maxPath:
		return fmt.Sprintf("longer than %d bytes", maxPath)
	case !utf8.ValidString(p):
		return "not valid UTF-8"
	case strings.Contains(p, `\`):
		return "use forward slashes"
	case strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "it has a character that does not print"
	case !filepath.IsLocal(p):
		return "it leads out of the task's folder"
	case p == "." || path.Clean(p) != p:
		return fmt.Sprintf("write it as %q", path.Clean(p))
	case strings.HasSuffix(p, partialSuffix):
		return "names ending in " + partialSuffix + " are reserved for downloads in progress"
	case strings.Count(p, "/") >= maxDepth:
		return fmt.Sprintf("more than %d levels deep", maxDepth)
	}
	for name := range strings.SplitSeq(p, "/") {
		if len(name) > maxName {
			return fmt.Sprintf("a part of it is longer than %d bytes", maxName)
		}
	}
	return ""
}
