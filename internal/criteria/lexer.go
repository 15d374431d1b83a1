package criteria

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenName             // text is the name
	tokenWord             // a keyword or an operator; text is it
	tokenNumber           // val
	tokenString           // val
)

type token struct {
	kind     tokenKind
	text     string
	val      value
	from, to int
}

// lexer cuts the source into tokens. Line breaks are spaces within brackets, as
// in Python, and a fault elsewhere.
type lexer struct {
	src   string
	at    int
	depth int // of brackets
}

// keywords of Python: those that the grammar here uses, and the rest, which can be
// no attribute's name.
var keywords = map[string]bool{
	"and": true, "or": true, "not": true, "in": true, "is": true, "if": true, "else": true, "for": true,
	"True": true, "False": true, "None": true,
	"as": false, "assert": false, "async": false, "await": false, "break": false, "class": false, "continue": false,
	"def": false, "del": false, "elif": false, "except": false, "finally": false, "from": false, "global": false,
	"import": false, "lambda": false, "nonlocal": false, "pass": false, "raise": false, "return": false, "try": false,
	"while": false, "with": false, "yield": false,
}

// operators, longest first.
var operators = []string{
	"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", ".",
}

// hints for what Python has and this language does not.
var hints = map[string]string{
	":=": "assignments are not available",
	"=":  "write == to compare; assignments are not available",
	"&":  "write 'and'", "|": "write 'or'", "!": "write 'not'", "~": "write 'not'",
	"^": "write != for 'one of the two'", "@": "there are no matrices here", "<<": "write * 2 ** n", ">>": "write // 2 ** n",
	";": "write one expression", "`": "quote text with ' or \"", "$": "write the attribute's name alone", "?": "write 'a if b else c'",
}

func (l *lexer) fault(offset int, format string, args ...any) error {
	return &SyntaxError{Source: l.src, Column: column(l.src, offset), Message: fmt.Sprintf(format, args...)}
}

func (l *lexer) next() (token, error) {
	if err := l.skipSpace(); err != nil {
		return token{}, err
	}
	from := l.at
	if from == len(l.src) {
		return token{kind: tokenEnd, from: from, to: from}, nil
	}
	rest := l.src[from:]
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '_' || unicode.IsLetter(r):
		return l.name(from)
	case r == '"' || r == '\'':
		return l.text(from)
	case isDigit(rest[0]), r == '.' && len(rest) > 1 && isDigit(rest[1]):
		return l.number(from)
	}
	for _, wrong := range []string{":=", "<<", ">>"} {
		if strings.HasPrefix(rest, wrong) {
			return token{}, l.fault(from, "%q is not available: %s", wrong, hints[wrong])
		}
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			l.at += len(op)
			switch op {
			case "(", "[", "{":
				l.depth++
			case ")", "]", "}":
				l.depth--
			}
			return token{kind: tokenWord, text: op, from: from, to: l.at}, nil
		}
	}
	if hint := hints[string(r)]; hint != "" {
		return token{}, l.fault(from, "%q is not available: %s", r, hint)
	}
	return token{}, l.fault(from, "%q has no meaning here", r)
}

func (l *lexer) skipSpace() error {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == ' ' || c == '\t' || c == '\f':
			l.at++
		case c == '\n' || c == '\r':
			if l.depth <= 0 {
				return l.fault(l.at, "the expression ends here, at a line break: put parentheses around it")
			}
			l.at++
		case c == '#':
			end := strings.IndexByte(l.src[l.at:], '\n')
			if end < 0 {
				end = len(l.src) - l.at
			}
			l.at += end
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) name(from int) (token, error) {
	for l.at < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.src[l.at:])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) {
			break
		}
		l.at += size
	}
	t := token{kind: tokenName, text: l.src[from:l.at], from: from, to: l.at}
	if l.at < len(l.src) && (l.src[l.at] == '"' || l.src[l.at] == '\'') {
		return t, l.fault(from, "a string with the prefix %s is not available: write plain quotes", t.text)
	}
	known, isKeyword := keywords[t.text]
	switch {
	case known:
		t.kind = tokenWord
	case isKeyword:
		return t, l.fault(from, "%s is not available in selection criteria", t.text)
	case strings.HasPrefix(t.text, "__"):
		return t, l.fault(from, "names that begin with two underscores are not available")
	}
	return t, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (l *lexer) number(from int) (token, error) {
	isFloat := false
	base := "" // 0x, 0o, 0b
	if rest := strings.ToLower(l.src[from:]); strings.HasPrefix(rest, "0x") || strings.HasPrefix(rest, "0o") || strings.HasPrefix(rest, "0b") {
		base = rest[:2]
		l.at += 2
	}
	for ; l.at < len(l.src); l.at++ {
		c := l.src[l.at] | 0x20 // lower case
		switch {
		case isDigit(l.src[l.at]) || l.src[l.at] == '_':
		case base == "0x" && 'a' <= c && c <= 'f':
		case base == "" && l.src[l.at] == '.':
			isFloat = true
		case base == "" && c == 'e':
			isFloat = true
			if l.at+1 < len(l.src) && (l.src[l.at+1] == '+' || l.src[l.at+1] == '-') {
				l.at++
			}
		default:
			goto done
		}
	}
done:
	text := l.src[from:l.at]
	t := token{kind: tokenNumber, text: text, from: from, to: l.at}
	if r, _ := utf8.DecodeRuneInString(l.src[l.at:]); l.at < len(l.src) && (r == '_' || unicode.IsLetter(r)) {
		return t, l.fault(from, "a number is followed by a letter")
	}
	if isFloat {
		f, ok := parseFloat(text)
		if !ok {
			return t, l.fault(from, "%s is not a number", text)
		}
		t.val = floatOf(f)
		return t, nil
	}
	if base == "" && text[0] == '0' && strings.Trim(text, "0_") != "" {
		return t, l.fault(from, "a number does not begin with 0: write %s", strings.TrimLeft(text, "0_"))
	}
	if base == "" && strings.Trim(text, "0_") == "" && !strings.HasSuffix(text, "_") && !strings.Contains(text, "__") {
		text = "0" // 00 and 0_0 are Python's, and not Go's
	}
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange {
			return t, l.fault(from, "the number does not fit into 64 bits")
		}
		return t, l.fault(from, "%s is not a number", text)
	}
	t.val = intOf(n)
	return t, nil
}

// text reads a string literal and its escapes.
func (l *lexer) text(from int) (token, error) {
	quote := l.src[from]
	if strings.HasPrefix(l.src[from+1:], string([]byte{quote, quote})) {
		return token{}, l.fault(from, "triple quotes are not available")
	}
	l.at++
	var b strings.Builder
	for l.at < len(l.src) {
		c := l.src[l.at]
		switch c {
		case quote:
			l.at++
			return token{kind: tokenString, val: strOf(b.String()), from: from, to: l.at}, nil
		case '\n', '\r':
			return token{}, l.fault(l.at, "the string that begins at column %d does not end on its line", column(l.src, from))
		case '\\':
			if err := l.escape(&b); err != nil {
				return token{}, err
			}
		default:
			b.WriteByte(c)
			l.at++
		}
	}
	return token{}, l.fault(from, "the string that begins here does not end: it lacks %c", quote)
}

var simpleEscapes = map[byte]byte{
	'\\': '\\', '\'': '\'', '"': '"', 'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

func (l *lexer) escape(b *strings.Builder) error {
	from := l.at
	l.at++
	if l.at == len(l.src) {
		return l.fault(from, "the string does not end")
	}
	c := l.src[l.at]
	l.at++
	if simple, ok := simpleEscapes[c]; ok {
		b.WriteByte(simple)
		return nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	switch {
	case digits > 0 && l.at+digits <= len(l.src):
		n, err := strconv.ParseUint(l.src[l.at:l.at+digits], 16, 32)
		if err == nil && utf8.ValidRune(rune(n)) && n <= unicode.MaxRune {
			b.WriteRune(rune(n))
			l.at += digits
			return nil
		}
		return l.fault(from, "\\%c wants %d hexadecimal digits of a character", c, digits)
	case digits > 0:
		return l.fault(from, "\\%c wants %d hexadecimal digits of a character", c, digits)
	case '0' <= c && c <= '7':
		n := rune(c - '0')
		for i := 0; i < 2 && l.at < len(l.src) && '0' <= l.src[l.at] && l.src[l.at] <= '7'; i++ {
			n = n*8 + rune(l.src[l.at]-'0')
			l.at++
		}
		b.WriteRune(n)
		return nil
	case c == '\n' || c == '\r' || c == 'N':
		return l.fault(from, "the escape \\%c is not available", c)
	}
	b.WriteByte('\\') // as Python: an escape that means nothing stays as it is
	b.WriteByte(c)
	return nil
}
