package criteria

import "strings"

// methods of text, with the numbers of their arguments.
var methods = map[string]struct{ least, most int }{
	"endswith": {1, 1}, "lower": {0, 0}, "startswith": {1, 1}, "strip": {0, 1}, "upper": {0, 0},
}

// methodNode is of.name(arg); arg may be nil.
type methodNode struct {
	span
	of   node
	name string
	arg  node
}

func (n *methodNode) eval(e *env) (value, error) {
	of, err := n.of.eval(e)
	if err != nil {
		return none, err
	}
	if of.kind != kindStr { // before the argument, as in Python
		return none, n.locate(fail(ErrType, "a '%v' has no %s()", of.kind, n.name))
	}
	arg := none
	if n.arg != nil {
		if arg, err = n.arg.eval(e); err != nil {
			return none, err
		}
	}
	if err := e.spend(1 + len(of.s)/stringUnit); err != nil {
		return none, n.locate(err)
	}
	v, err := method(n.name, of.s, arg)
	return v, n.locate(err)
}

func method(name, s string, arg value) (value, error) {
	switch name {
	case "lower":
		return strOf(strings.ToLower(s)), nil
	case "upper":
		return strOf(strings.ToUpper(s)), nil
	case "strip":
		switch arg.kind {
		case kindNone:
			return strOf(strings.TrimFunc(s, isSpace)), nil
		case kindStr:
			return strOf(strings.Trim(s, arg.s)), nil
		}
		return none, fail(ErrType, "strip() takes a str, not '%v'", arg.kind)
	}
	matches := strings.HasPrefix
	if name == "endswith" {
		matches = strings.HasSuffix
	}
	affixes := []value{arg}
	if arg.kind == kindTuple {
		affixes = arg.items
	}
	for _, affix := range affixes {
		if affix.kind != kindStr {
			return none, fail(ErrType, "%s() takes a str or a tuple of str, not '%v'", name, affix.kind)
		}
		if matches(s, affix.s) {
			return boolOf(true), nil
		}
	}
	return boolOf(false), nil
}
