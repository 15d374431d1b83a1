package criteria

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Expr is a compiled selection criterion. It does not change, and may be used by
// many goroutines at once.
type Expr struct {
	src   string
	root  node // nil: everyone
	names []mention
}

// Compile checks and compiles an expression of 4 KiB at most. One without content
// selects everyone. The error is a *SyntaxError; its column counts the space before
// the expression, too.
func Compile(src string) (*Expr, error) {
	x, err := compile(strings.TrimSpace(src))
	if e, ok := errors.AsType[*SyntaxError](err); ok {
		space := src[:len(src)-len(strings.TrimLeftFunc(src, unicode.IsSpace))]
		e.Source = space + e.Source
		e.Column += utf8.RuneCountInString(space)
	}
	return x, err
}

func compile(trimmed string) (*Expr, error) {
	if len(trimmed) > maxSource {
		return nil, &SyntaxError{trimmed[:60], 1, "longer than 4096 bytes"}
	}
	if !utf8.ValidString(trimmed) {
		valid := strings.ToValidUTF8(trimmed, "?")
		return nil, &SyntaxError{valid, 1, "not valid UTF-8"}
	}
	if trimmed == "" {
		return &Expr{}, nil
	}
	root, names, err := parse(trimmed)
	if err != nil {
		return nil, err
	}
	return &Expr{trimmed, root, names}, nil
}

// String returns the source, without the space around it.
func (x *Expr) String() string { return x.src }

// Names returns the attributes that the expression mentions, in their order.
func (x *Expr) Names() []string { return x.namesIn(span{0, len(x.src)}) }

// namesIn returns the attributes that a part of the expression mentions.
func (x *Expr) namesIn(part span) (names []string) {
	for _, m := range x.names {
		if part.from <= m.from && m.from < part.to && !slices.Contains(names, m.name) {
			names = append(names, m.name)
		}
	}
	return names
}

// Eval tells whether a client with these attributes is selected. The values are
// what decoding JSON gives: string, float64, json.Number, int64 (or int), bool,
// nil, []any and []string. A float64 is a float in Python's sense, even when it is
// whole: decode with UseNumber to tell 1 from 1.0.
//
// An error, an *EvalError, means "not this client".
func (x *Expr) Eval(attrs map[string]any) (bool, error) {
	if x.root == nil {
		return true, nil
	}
	v, err := x.eval(x.root, attrs)
	return err == nil && v.truth(), err
}

func (x *Expr) eval(n node, attrs map[string]any) (value, error) {
	return x.evalIn(n, &env{attrs: attrs, steps: maxSteps})
}

func (x *Expr) evalIn(n node, e *env) (value, error) {
	v, err := n.eval(e)
	if e, ok := errors.AsType[*EvalError](err); ok {
		e.Column = column(x.src, max(e.Column-1, 0))
	}
	return v, err
}
