package criteria

import (
	"math"
	"slices"
)

func callAbs(e *env, args []value) (value, error) {
	v := args[0]
	switch {
	case v.kind == kindFloat:
		return floatOf(math.Abs(v.f)), nil
	case v.isInt() && v.n < 0:
		return e.unary("-", v)
	case v.isInt():
		return intOf(v.n), nil
	}
	return none, fail(ErrType, "abs() takes a number, not '%v'", v.kind)
}

func callBool(_ *env, args []value) (value, error) {
	return boolOf(len(args) > 0 && args[0].truth()), nil
}

func callLen(e *env, args []value) (value, error) {
	v := args[0]
	switch {
	case v.kind == kindStr:
		return intOf(int64(length(v.s))), e.spend(len(v.s) / stringUnit)
	case v.isContainer():
		return intOf(int64(len(v.items))), nil
	}
	return none, fail(ErrType, "a '%v' has no len()", v.kind)
}

func callList(e *env, args []value) (value, error) {
	if len(args) == 0 {
		return seqOf(kindList, nil), nil
	}
	items, err := e.elements(args[0])
	return seqOf(kindList, items), err
}

func callSet(e *env, args []value) (value, error) {
	if len(args) == 0 {
		return seqOf(kindSet, nil), nil
	}
	items, err := e.elements(args[0])
	if err != nil {
		return none, err
	}
	return e.newSet(items)
}

func callSorted(e *env, args []value) (value, error) {
	items, err := e.elements(args[0])
	if err != nil {
		return none, err
	}
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b value) int {
		if err != nil {
			return 0
		}
		less, failure := e.order("<", a, b)
		if failure == nil && !less {
			if less, failure = e.order("<", b, a); less {
				return 1
			}
		}
		if err = failure; err != nil || !less {
			return 0
		}
		return -1
	})
	return seqOf(kindList, items), err
}

func callMin(e *env, args []value) (value, error) { return extreme(e, "<", args) }
func callMax(e *env, args []value) (value, error) { return extreme(e, ">", args) }

func extreme(e *env, op string, args []value) (value, error) {
	items := args
	if len(args) == 1 {
		var err error
		if items, err = e.elements(args[0]); err != nil {
			return none, err
		}
	}
	if len(items) == 0 {
		return none, fail(ErrValue, "there is no least or greatest element of nothing")
	}
	best := items[0]
	for _, item := range items[1:] {
		better, err := e.order(op, item, best)
		if err != nil {
			return none, err
		}
		if better {
			best = item
		}
	}
	return best, nil
}

func callSum(e *env, args []value) (value, error) {
	items, err := e.elements(args[0])
	if err != nil {
		return none, err
	}
	total := intOf(0)
	if len(args) == 2 {
		total = args[1]
	}
	if total.kind == kindStr {
		return none, fail(ErrType, "sum() does not join text")
	}
	for _, item := range items {
		if total, err = e.binary("+", total, item); err != nil {
			return none, err
		}
	}
	return total, nil
}

func callStr(e *env, args []value) (value, error) {
	if len(args) == 0 {
		return strOf(""), nil
	}
	if args[0].isContainer() {
		return none, fail(ErrLimit, "str() of a '%v' is not available", args[0].kind)
	}
	return strOf(args[0].text()), nil
}
