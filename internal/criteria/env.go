package criteria

import (
	"encoding/json"
	"strings"
)

// What an expression may cost. The steps of an evaluation are about its elementary
// operations; the limit is some milliseconds.
const (
	maxSource  = 4 << 10
	maxDepth   = 64
	maxSteps   = 100_000
	maxString  = 64 << 10 // bytes of a string that an operation makes
	maxItems   = 10_000   // elements of a container that an operation makes
	stringUnit = 64       // bytes of text that cost a step
)

// env is one evaluation.
type env struct {
	attrs  map[string]any
	locals []local          // variables of the generator expressions around, innermost last
	steps  int              // left
	ready  map[string]ready // attributes that were converted; nil: they are not kept
}

type local struct {
	name string
	val  value
}

func (e *env) spend(steps int) error {
	if e.steps -= steps; e.steps < 0 {
		return fail(ErrLimit, "the evaluation takes too many steps")
	}
	return nil
}

// size refuses a result of n bytes or elements, and charges what making it costs.
func (e *env) size(n, limit int) error {
	if n > limit {
		return fail(ErrLimit, "the result is too large")
	}
	if limit == maxString {
		n /= stringUnit
	}
	return e.spend(n)
}

func (e *env) lookup(name string) (value, error) {
	for i := len(e.locals) - 1; i >= 0; i-- {
		if e.locals[i].name == name {
			return e.locals[i].val, nil
		}
	}
	if r, ok := e.ready[name]; ok {
		return r.value, e.spend(r.steps)
	}
	attr, ok := e.attrs[name]
	if !ok {
		return none, fail(ErrName, "the client has no %s", name)
	}
	before := e.steps
	v, err := e.convert(attr)
	if err != nil {
		return none, err
	}
	if e.ready != nil {
		e.ready[name] = ready{v, before - e.steps}
	}
	return v, nil
}

// convert makes a value of what JSON decoding, or a database, has brought.
func (e *env) convert(attr any) (value, error) {
	switch a := attr.(type) {
	case string:
		return strOf(a), nil
	case float64:
		return floatOf(a), nil
	case int64:
		return intOf(a), nil
	case int:
		return intOf(int64(a)), nil
	case bool:
		return boolOf(a), nil
	case nil:
		return none, nil
	case json.Number:
		return number(a)
	case []string:
		items := make([]value, len(a))
		for i, s := range a {
			items[i] = strOf(s)
		}
		return seqOf(kindList, items), e.spend(1 + len(a)/4)
	case []any:
		if err := e.spend(1 + len(a)/4); err != nil {
			return none, err
		}
		items := make([]value, len(a))
		for i, item := range a {
			var err error
			if items[i], err = e.convert(item); err != nil {
				return none, err
			}
		}
		return seqOf(kindList, items), nil
	}
	return none, fail(ErrType, "an attribute of type %T cannot be used: only text, numbers, booleans, null and lists", attr)
}

func number(a json.Number) (value, error) {
	if !strings.ContainsAny(string(a), ".eE") {
		if n, err := a.Int64(); err == nil {
			return intOf(n), nil
		}
	}
	f, ok := parseFloat(string(a))
	if !ok {
		return none, fail(ErrValue, "%q is not a number", string(a))
	}
	return floatOf(f), nil
}
