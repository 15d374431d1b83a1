package criteria

import (
	"cmp"
	"math"
	"strings"
)

// compare is one link of a chain: a op b.
func (e *env) compare(op string, a, b value) (bool, error) {
	switch op {
	case "==", "!=":
		same, err := e.equal(a, b)
		return same == (op == "=="), err
	case "in":
		return e.contains(b, a)
	case "not in":
		found, err := e.contains(b, a)
		return !found, err
	case "is", "is not": // the parser has seen to it that one is None, True or False
		return (a.kind == b.kind && a.kind <= kindBool && a.n == b.n) == (op == "is"), nil
	}
	return e.order(op, a, b)
}

func (e *env) equal(a, b value) (bool, error) {
	if err := e.spend(1 + min(len(a.s), len(b.s))/stringUnit); err != nil {
		return false, err
	}
	if a.isNumber() && b.isNumber() {
		c, ordered := compareNumbers(a, b)
		return ordered && c == 0, nil
	}
	if a.kind != b.kind || len(a.items) != len(b.items) {
		return false, nil
	}
	switch a.kind {
	case kindStr:
		return a.s == b.s, nil
	case kindSet:
		return e.subset(a, b)
	}
	for i := range a.items {
		if same, err := e.equal(a.items[i], b.items[i]); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// order is a op b for < <= > >=.
func (e *env) order(op string, a, b value) (bool, error) {
	if err := e.spend(1 + min(len(a.s), len(b.s))/stringUnit); err != nil {
		return false, err
	}
	switch {
	case a.isNumber() && b.isNumber():
		c, ordered := compareNumbers(a, b)
		return ordered && holds(op, c), nil
	case a.kind != b.kind || a.kind == kindNone:
		return false, fail(ErrType, "'%s' is not supported between '%v' and '%v'", op, a.kind, b.kind)
	case a.kind == kindStr:
		return holds(op, strings.Compare(a.s, b.s)), nil // UTF-8 sorts as its characters do
	case a.kind == kindSet:
		if op[0] == '>' {
			a, b = b, a
		}
		if len(op) == 1 && len(a.items) >= len(b.items) {
			return false, nil
		}
		return e.subset(a, b)
	}
	for i := range min(len(a.items), len(b.items)) {
		same, err := e.equal(a.items[i], b.items[i])
		if err != nil {
			return false, err
		}
		if !same {
			return e.order(op, a.items[i], b.items[i])
		}
	}
	return holds(op, cmp.Compare(len(a.items), len(b.items))), nil
}

func holds(op string, c int) bool {
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// compareNumbers is exact, also between an integer and a float that cannot hold it.
func compareNumbers(a, b value) (c int, ordered bool) {
	switch {
	case a.kind != kindFloat && b.kind != kindFloat:
		return cmp.Compare(a.n, b.n), true
	case a.kind == kindFloat && b.kind == kindFloat:
		return cmp.Compare(a.f, b.f), !math.IsNaN(a.f) && !math.IsNaN(b.f)
	case a.kind == kindFloat:
		c, ordered = compareNumbers(b, a)
		return -c, ordered
	}
	switch f := b.f; {
	case math.IsNaN(f):
		return 0, false
	case f >= 1<<63:
		return -1, true
	case f < -1<<63:
		return 1, true
	default:
		whole := math.Trunc(f)
		if c := cmp.Compare(a.n, int64(whole)); c != 0 {
			return c, true
		}
		return cmp.Compare(whole, f), true
	}
}

func (e *env) subset(a, b value) (bool, error) {
	for _, item := range a.items {
		if found, err := e.contains(b, item); err != nil || !found {
			return false, err
		}
	}
	return true, nil
}

// contains is item in v.
func (e *env) contains(v, item value) (bool, error) {
	switch {
	case v.kind == kindStr && item.kind == kindStr:
		if err := e.spend(1 + len(v.s)/stringUnit); err != nil {
			return false, err
		}
		return strings.Contains(v.s, item.s), nil
	case v.kind == kindStr:
		return false, fail(ErrType, "'in' of a str wants a str on its left, not '%v'", item.kind)
	case !v.isContainer():
		return false, fail(ErrType, "'in' wants a list, tuple, set or str on its right, not '%v'", v.kind)
	}
	if v.kind == kindSet && item.kind != kindSet {
		if _, err := e.key(item); err != nil {
			return false, err
		}
	}
	for _, candidate := range v.items {
		if same, err := e.equal(candidate, item); err != nil || same {
			return same, err
		}
	}
	return false, nil
}
