package criteria

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The errors of Eval wrap one of these. All of them mean "not this client".
var (
	// ErrName: the client has no attribute of that name (Python's NameError).
	ErrName = errors.New("name error")
	// ErrType: the attribute has a type that the operation does not take (TypeError).
	ErrType = errors.New("type error")
	// ErrValue: the type is right and the value is not: division by zero, an index
	// outside, min of nothing, int("x").
	ErrValue = errors.New("value error")
	// ErrLimit: the work or a result is larger than a criterion may be, or is
	// something of Python's that this package leaves out.
	ErrLimit = errors.New("limit")
)

// EvalError says what went wrong for one client, and where in the expression.
type EvalError struct {
	Kind    error // ErrName, ErrType, ErrValue or ErrLimit
	Column  int   // in characters, from 1
	Message string
}

func (e *EvalError) Error() string {
	return fmt.Sprintf("%v at column %d: %s", e.Kind, e.Column, e.Message)
}

// Unwrap returns the kind, for errors.Is.
func (e *EvalError) Unwrap() error { return e.Kind }

func fail(kind error, format string, args ...any) error {
	return &EvalError{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// SyntaxError says why an expression is refused, and where.
type SyntaxError struct {
	Source  string
	Column  int // in characters, from 1
	Message string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("selection criteria: column %d: %s", e.Column, e.Message)
}

// Excerpt returns the expression with a caret below the fault, for a terminal.
func (e *SyntaxError) Excerpt() string {
	line := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		return r
	}, e.Source)
	return line + "\n" + strings.Repeat(" ", e.Column-1) + "^"
}

func column(src string, offset int) int { return utf8.RuneCountInString(src[:offset]) + 1 }
