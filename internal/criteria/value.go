package criteria

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	kindNone kind = iota
	kindBool
	kindInt
	kindFloat
	kindStr
	kindList
	kindTuple
	kindSet
)

var kindNames = [...]string{"NoneType", "bool", "int", "float", "str", "list", "tuple", "set"}

func (k kind) String() string { return kindNames[k] }

// value is a Python value; none is ever changed. Which fields count depends on kind.
type value struct {
	kind  kind
	n     int64 // int; bool: 0 or 1
	f     float64
	s     string
	items []value // list, tuple, set (in the order of insertion, no two equal)
}

var none = value{}

func boolOf(b bool) value {
	if b {
		return value{kind: kindBool, n: 1}
	}
	return value{kind: kindBool}
}

func intOf(n int64) value            { return value{kind: kindInt, n: n} }
func floatOf(f float64) value        { return value{kind: kindFloat, f: f} }
func strOf(s string) value           { return value{kind: kindStr, s: s} }
func seqOf(k kind, vs []value) value { return value{kind: k, items: vs} }
func (v value) isInt() bool          { return v.kind == kindInt || v.kind == kindBool }
func (v value) isNumber() bool       { return v.isInt() || v.kind == kindFloat }
func (v value) isSequence() bool     { return v.kind == kindList || v.kind == kindTuple }
func (v value) isContainer() bool    { return v.isSequence() || v.kind == kindSet }
func (v value) float() float64 {
	if v.kind == kindFloat {
		return v.f
	}
	return float64(v.n)
}

func (v value) truth() bool {
	switch v.kind {
	case kindBool, kindInt:
		return v.n != 0
	case kindFloat:
		return v.f != 0
	case kindStr:
		return v.s != ""
	case kindNone:
		return false
	}
	return len(v.items) > 0
}

// key identifies a hashable value among the others: 1, 1.0 and True have the same.
type key struct {
	kind kind
	n    int64
	s    string
}

func (e *env) key(v value) (key, error) {
	if err := e.spend(1 + len(v.s)/stringUnit); err != nil {
		return key{}, err
	}
	switch v.kind {
	case kindNone:
		return key{}, nil
	case kindBool, kindInt:
		return key{kind: kindInt, n: v.n}, nil
	case kindFloat:
		if n := int64(v.f); float64(n) == v.f && math.Abs(v.f) < 1<<62 {
			return key{kind: kindInt, n: n}, nil
		}
		return key{kind: kindFloat, n: int64(math.Float64bits(v.f))}, nil
	case kindStr:
		return key{kind: kindStr, s: v.s}, nil
	case kindTuple:
		var b strings.Builder
		for _, item := range v.items {
			k, err := e.key(item)
			if err != nil {
				return key{}, err
			}
			b.WriteByte(byte(k.kind))
			b.WriteString(strconv.FormatInt(k.n, 36))
			b.WriteByte(' ')
			b.WriteString(strconv.Itoa(len(k.s)))
			b.WriteByte(' ')
			b.WriteString(k.s)
		}
		return key{kind: kindTuple, s: b.String()}, nil
	}
	return key{}, fail(ErrType, "a %v cannot be in a set", v.kind)
}

// repr writes a value as Python would read it.
func (v value) repr() string {
	switch v.kind {
	case kindNone:
		return "None"
	case kindBool:
		if v.n != 0 {
			return "True"
		}
		return "False"
	case kindInt:
		return strconv.FormatInt(v.n, 10)
	case kindFloat:
		return floatRepr(v.f)
	case kindStr:
		return strRepr(v.s)
	}
	parts := make([]string, len(v.items))
	for i, item := range v.items {
		parts[i] = item.repr()
	}
	inner := strings.Join(parts, ", ")
	switch {
	case v.kind == kindList:
		return "[" + inner + "]"
	case v.kind == kindTuple && len(parts) == 1:
		return "(" + inner + ",)"
	case v.kind == kindTuple:
		return "(" + inner + ")"
	case len(parts) == 0:
		return "set()"
	}
	return "{" + inner + "}"
}

// text is str(v).
func (v value) text() string {
	if v.kind == kindStr {
		return v.s
	}
	return v.repr()
}

func floatRepr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func strRepr(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f || r > 0x7f && r <= 0xff && !unicode.IsPrint(r):
			b.WriteString(`\x`)
			b.WriteString(strconv.FormatInt(int64(r)+0x100, 16)[1:])
		case r > 0xff && !unicode.IsPrint(r):
			b.WriteString(`\u`)
			b.WriteString(strconv.FormatInt(int64(r)+0x10000, 16)[1:])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}

// parseFloat reads a number as Python's float() does.
func parseFloat(s string) (float64, bool) {
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case "inf", "infinity", "nan":
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil
	}
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c), c == '.', c == 'e', c == 'E', c == '+', c == '-':
		case c == '_' && i > 0 && i+1 < len(s) && isDigit(s[i-1]) && isDigit(s[i+1]):
		default:
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange {
		return f, true // infinite, or 0
	}
	return f, err == nil
}

// length is len() of a string: characters, not bytes.
func length(s string) int { return utf8.RuneCountInString(s) }
