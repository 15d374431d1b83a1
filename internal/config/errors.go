package config

import (
	"fmt"
	"strings"
)

// ConfigError is one thing that is wrong with the configuration. Load joins all
// that it finds by errors.Join.
type ConfigError struct {
	Section string // "client.broker"; empty when the problem is not in a section
	Key     string // "port"; empty when the problem is the section or the file
	Value   string // the refused value; masked for secrets
	Source  Source // where it was given
	Problem string // reads after the subject: "is not a port"
	Hint    string // what to do; may be empty
}

// Error returns one line: source, subject, problem, hint.
func (e *ConfigError) Error() string {
	var b strings.Builder
	if e.Source.Kind != "" {
		b.WriteString(e.Source.String() + ": ")
	}
	switch {
	case e.Key != "" && e.Section != "":
		b.WriteString(e.Section + "." + e.Key + " ")
	case e.Key != "":
		b.WriteString(e.Key + " ")
	case e.Section != "":
		b.WriteString("section [" + e.Section + "] ")
	}
	if e.Value != "" {
		fmt.Fprintf(&b, "= %q ", e.Value)
	}
	b.WriteString(e.Problem)
	if e.Hint != "" {
		b.WriteString(": " + e.Hint)
	}
	return b.String()
}

// problem is what a value finds wrong with a text; the loader adds the key and
// the source.
type problem struct{ what, hint string }
