package criteria

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
	"strings"
)

// binary is a op b for + - * / // % **.
func (e *env) binary(op string, a, b value) (value, error) {
	if err := e.spend(1); err != nil {
		return none, err
	}
	switch {
	case a.isInt() && b.isInt():
		return intArith(op, a.n, b.n)
	case a.isNumber() && b.isNumber():
		return floatArith(op, a.float(), b.float())
	case op == "+" && a.kind == b.kind && (a.kind == kindStr || a.isSequence()):
		return e.join(a, b)
	case op == "*" && (a.kind == kindStr || a.isSequence()) && b.isInt():
		return e.repeat(a, b.n)
	case op == "*" && a.isInt() && (b.kind == kindStr || b.isSequence()):
		return e.repeat(b, a.n)
	case op == "-" && a.kind == kindSet && b.kind == kindSet:
		var rest []value
		for _, item := range a.items {
			found, err := e.contains(b, item)
			if err != nil {
				return none, err
			}
			if !found {
				rest = append(rest, item)
			}
		}
		return seqOf(kindSet, rest), nil
	case op == "%" && a.kind == kindStr:
		return none, fail(ErrLimit, "formatting text with %% is not available")
	}
	return none, fail(ErrType, "'%s' is not supported between '%v' and '%v'", op, a.kind, b.kind)
}

func (e *env) join(a, b value) (value, error) {
	if a.kind == kindStr {
		if err := e.size(len(a.s)+len(b.s), maxString); err != nil {
			return none, err
		}
		return strOf(a.s + b.s), nil
	}
	if err := e.size(len(a.items)+len(b.items), maxItems); err != nil {
		return none, err
	}
	return seqOf(a.kind, slices.Concat(a.items, b.items)), nil
}

func (e *env) repeat(v value, n int64) (value, error) {
	n = max(n, 0)
	unit, limit := len(v.items), maxItems
	if v.kind == kindStr {
		unit, limit = len(v.s), maxString
	}
	if unit == 0 {
		n = 0
	}
	if n > int64(limit) {
		return none, fail(ErrLimit, "the result is too large")
	}
	if err := e.size(unit*int(n), limit); err != nil {
		return none, err
	}
	if v.kind == kindStr {
		return strOf(strings.Repeat(v.s, int(n))), nil
	}
	return seqOf(v.kind, slices.Repeat(v.items, int(n))), nil
}

func errZeroDivision() error { return fail(ErrValue, "division by zero") }
func errTooLarge() error     { return fail(ErrLimit, "the number does not fit into 64 bits") }

func intArith(op string, a, b int64) (value, error) {
	switch op {
	case "+":
		c := a + b
		if (c > a) != (b > 0) && b != 0 {
			return none, errTooLarge()
		}
		return intOf(c), nil
	case "-":
		c := a - b
		if (c < a) != (b > 0) && b != 0 {
			return none, errTooLarge()
		}
		return intOf(c), nil
	case "*":
		c, ok := mul(a, b)
		if !ok {
			return none, errTooLarge()
		}
		return intOf(c), nil
	case "**":
		return intPower(a, b)
	}
	if b == 0 {
		return none, errZeroDivision()
	}
	switch op {
	case "/":
		if max(a, -a, b, -b) <= 1<<53 && a != math.MinInt64 && b != math.MinInt64 {
			return floatOf(float64(a) / float64(b)), nil
		}
		f, _ := big.NewRat(0, 1).SetFrac(big.NewInt(a), big.NewInt(b)).Float64()
		return floatOf(f), nil
	case "//":
		if a == math.MinInt64 && b == -1 {
			return none, errTooLarge()
		}
		q := a / b
		if a%b != 0 && (a < 0) != (b < 0) {
			q--
		}
		return intOf(q), nil
	}
	r := a % b // % of Python has the sign of b
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return intOf(r), nil
}

func mul(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	negative := (a < 0) != (b < 0)
	switch {
	case hi != 0, lo > 1<<63, lo == 1<<63 && !negative:
		return 0, false
	case negative:
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func intPower(a, b int64) (value, error) {
	if b < 0 {
		return floatArith("**", float64(a), float64(b))
	}
	result := int64(1)
	switch {
	case b == 0 || a == 1:
		return intOf(1), nil
	case a == 0:
		return intOf(0), nil
	case a == -1:
		return intOf(1 - 2*(b&1)), nil
	case b > 63:
		return none, errTooLarge()
	}
	for range b {
		var ok bool
		if result, ok = mul(result, a); !ok {
			return none, errTooLarge()
		}
	}
	return intOf(result), nil
}

func floatArith(op string, a, b float64) (value, error) {
	switch op {
	case "+":
		return floatOf(a + b), nil
	case "-":
		return floatOf(a - b), nil
	case "*":
		return floatOf(a * b), nil
	case "**":
		return floatPower(a, b)
	}
	if b == 0 {
		return none, errZeroDivision()
	}
	if op == "/" {
		return floatOf(a / b), nil
	}
	mod := math.Mod(a, b)
	div := (a - mod) / b
	if mod != 0 {
		if (b < 0) != (mod < 0) {
			mod += b
			div--
		}
	} else {
		mod = math.Copysign(0, b)
	}
	if op == "%" {
		return floatOf(mod), nil
	}
	if div == 0 {
		return floatOf(math.Copysign(0, a/b)), nil
	}
	floor := math.Floor(div)
	if div-floor > 0.5 {
		floor++
	}
	return floatOf(floor), nil
}

func floatPower(a, b float64) (value, error) {
	switch {
	case a == 0 && b < 0:
		return none, fail(ErrValue, "0 cannot be raised to a negative power")
	case a < 0 && !math.IsInf(a, 0) && b != math.Trunc(b) && !math.IsNaN(b):
		return none, fail(ErrLimit, "the result is a complex number")
	}
	c := math.Pow(a, b)
	if math.IsInf(c, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		return none, fail(ErrValue, "the result is too large")
	}
	return floatOf(c), nil
}

// unary is op v for + and -.
func (e *env) unary(op string, v value) (value, error) {
	if err := e.spend(1); err != nil {
		return none, err
	}
	switch {
	case v.isInt() && op == "+":
		return intOf(v.n), nil
	case v.isInt() && v.n == math.MinInt64:
		return none, errTooLarge()
	case v.isInt():
		return intOf(-v.n), nil
	case v.kind == kindFloat && op == "-":
		return floatOf(-v.f), nil
	case v.kind == kindFloat:
		return v, nil
	}
	return none, fail(ErrType, "unary '%s' is not supported for '%v'", op, v.kind)
}
