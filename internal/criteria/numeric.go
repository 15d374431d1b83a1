package criteria

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

func callInt(_ *env, args []value) (value, error) {
	if len(args) == 0 {
		return intOf(0), nil
	}
	switch v := args[0]; {
	case v.isInt():
		return intOf(v.n), nil
	case v.kind == kindFloat && (math.IsNaN(v.f) || math.IsInf(v.f, 0)):
		return none, fail(ErrValue, "%s is no int", v.repr())
	case v.kind == kindFloat && (v.f >= 1<<63 || v.f < -1<<63):
		return none, errTooLarge()
	case v.kind == kindFloat:
		return intOf(int64(v.f)), nil
	case v.kind == kindStr:
		return parseInt(v.s)
	default:
		return none, fail(ErrType, "int() takes a number or text, not '%v'", v.kind)
	}
}

func parseInt(text string) (value, error) {
	s := strings.TrimFunc(text, isSpace)
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-")
	for i := range len(digits) {
		if isDigit(digits[i]) || digits[i] == '_' && i > 0 && i+1 < len(digits) && digits[i-1] != '_' {
			continue
		}
		return none, fail(ErrValue, "%.40q is no int", text)
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange {
		return none, errTooLarge()
	}
	if err != nil {
		return none, fail(ErrValue, "%.40q is no int", text)
	}
	return intOf(n), nil
}

func callFloat(_ *env, args []value) (value, error) {
	if len(args) == 0 {
		return floatOf(0), nil
	}
	switch v := args[0]; {
	case v.isNumber():
		return floatOf(v.float()), nil
	case v.kind == kindStr:
		f, ok := parseFloat(strings.TrimFunc(v.s, isSpace))
		if !ok {
			return none, fail(ErrValue, "%.40q is no float", v.s)
		}
		return floatOf(f), nil
	default:
		return none, fail(ErrType, "float() takes a number or text, not '%v'", v.kind)
	}
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// callRound rounds half to even, and to decimal places as the exact binary value
// demands, which is what Python does.
func callRound(e *env, args []value) (value, error) {
	v := args[0]
	digits := none
	if len(args) == 2 {
		digits = args[1]
	}
	switch {
	case !v.isNumber():
		return none, fail(ErrType, "round() takes a number, not '%v'", v.kind)
	case digits.kind != kindNone && !digits.isInt():
		return none, fail(ErrType, "round() takes an int of digits, not '%v'", digits.kind)
	case digits.kind != kindNone && digits.n < 0:
		return none, fail(ErrLimit, "round() to tens is not available")
	case v.isInt():
		return intOf(v.n), nil
	case digits.kind == kindNone:
		return callInt(e, []value{floatOf(math.RoundToEven(v.f))})
	case math.IsNaN(v.f) || math.IsInf(v.f, 0) || digits.n > 323:
		return v, nil
	}
	f, err := strconv.ParseFloat(strconv.FormatFloat(v.f, 'f', int(digits.n), 64), 64)
	if err != nil {
		return none, fail(ErrValue, "the result is too large")
	}
	return floatOf(f), nil
}
