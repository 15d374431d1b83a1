package config

import "fmt"

// Kind names a layer of the configuration.
type Kind string

// The layers, weakest first.
const (
	FromDefault Kind = "default"
	FromFile    Kind = "file"
	FromEnv     Kind = "env"
	FromFlag    Kind = "flag"
)

// Source says where a value came from.
type Source struct {
	Kind Kind
	Name string // the file's path, or the environment variable's name
	Line int    // the line in the file, from 1; 0 when it concerns the whole file
}

// String returns "default", "config.ini:7", "env AGATA_LOG_LEVEL" or "flag".
func (s Source) String() string {
	switch {
	case s.Kind == FromFile && s.Line > 0:
		return fmt.Sprintf("%s:%d", s.Name, s.Line)
	case s.Kind == FromFile:
		return s.Name
	case s.Kind == FromEnv:
		return "env " + s.Name
	}
	return string(s.Kind)
}
