package config

import (
	"fmt"
	"io"
	"log/slog"
)

const mask = "***"

// Secret is a value that must not reach logs, tables or error texts: every way
// of printing it yields "***", or "" when it is empty. Use Reveal where the
// value itself is needed.
type Secret string

// Reveal returns the value itself.
func (s Secret) Reveal() string { return string(s) }

// String returns the masked form.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// Format implements fmt.Formatter, because verbs such as %d would print the
// underlying string in spite of String.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, which JSON uses too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
