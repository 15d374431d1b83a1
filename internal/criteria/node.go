package criteria

import "errors"

// node is a part of an expression. eval of a node gives its Python value.
type node interface {
	eval(e *env) (value, error)
	at() span
}

// span is a part of the source, in bytes.
type span struct{ from, to int }

func (s span) at() span { return s }

// locate adds the place to an error that has none yet. Columns are bytes here; Eval
// makes characters of them.
func (s span) locate(err error) error {
	if e, ok := errors.AsType[*EvalError](err); ok && e.Column == 0 {
		e.Column = s.from + 1
	}
	return err
}

type constNode struct {
	span
	val value
}

func (n *constNode) eval(*env) (value, error) { return n.val, nil }

type nameNode struct {
	span
	name string
}

func (n *nameNode) eval(e *env) (value, error) {
	if err := e.spend(1); err != nil {
		return none, n.locate(err)
	}
	v, err := e.lookup(n.name)
	if err != nil {
		return none, n.locate(err)
	}
	return v, nil
}

// boolNode is a and b and ..., or the same with or.
type boolNode struct {
	span
	op       string
	operands []node
}

func (n *boolNode) eval(e *env) (v value, err error) {
	if err := e.spend(len(n.operands)); err != nil {
		return none, n.locate(err)
	}
	for _, operand := range n.operands {
		if v, err = operand.eval(e); err != nil || v.truth() == (n.op == "or") {
			return v, err
		}
	}
	return v, nil
}

type notNode struct {
	span
	operand node
}

func (n *notNode) eval(e *env) (value, error) {
	if err := e.spend(1); err != nil {
		return none, n.locate(err)
	}
	v, err := n.operand.eval(e)
	return boolOf(!v.truth()), err
}

// compareNode is a < b <= c ...: operands[i] ops[i] operands[i+1].
type compareNode struct {
	span
	operands []node
	ops      []string
}

func (n *compareNode) eval(e *env) (value, error) {
	left, err := n.operands[0].eval(e)
	if err != nil {
		return none, err
	}
	for i, op := range n.ops {
		right, err := n.operands[i+1].eval(e)
		if err != nil {
			return none, err
		}
		ok, err := e.compare(op, left, right)
		if err != nil {
			return none, n.locate(err)
		}
		if !ok {
			return boolOf(false), nil
		}
		left = right
	}
	return boolOf(true), nil
}

type binaryNode struct {
	span
	op          string
	left, right node
}

func (n *binaryNode) eval(e *env) (value, error) {
	a, err := n.left.eval(e)
	if err != nil {
		return none, err
	}
	b, err := n.right.eval(e)
	if err != nil {
		return none, err
	}
	v, err := e.binary(n.op, a, b)
	return v, n.locate(err)
}

type unaryNode struct {
	span
	op      string
	operand node
}

func (n *unaryNode) eval(e *env) (value, error) {
	v, err := n.operand.eval(e)
	if err != nil {
		return none, err
	}
	v, err = e.unary(n.op, v)
	return v, n.locate(err)
}

// condNode is yes if test else no.
type condNode struct {
	span
	test, yes, no node
}

func (n *condNode) eval(e *env) (value, error) {
	if err := e.spend(1); err != nil {
		return none, n.locate(err)
	}
	v, err := n.test.eval(e)
	if err != nil {
		return none, err
	}
	if v.truth() {
		return n.yes.eval(e)
	}
	return n.no.eval(e)
}

// displayNode is a list, a tuple or a set as it is written.
type displayNode struct {
	span
	kind  kind
	items []node
}

func (n *displayNode) eval(e *env) (value, error) {
	items := make([]value, len(n.items))
	for i, item := range n.items {
		var err error
		if items[i], err = item.eval(e); err != nil {
			return none, err
		}
	}
	if n.kind == kindSet {
		v, err := e.newSet(items)
		return v, n.locate(err)
	}
	return seqOf(n.kind, items), n.locate(e.spend(len(items)))
}

func (e *env) newSet(items []value) (value, error) {
	seen := make(map[key]bool, len(items))
	var unique []value
	for _, item := range items {
		k, err := e.key(item)
		if err != nil {
			return none, err
		}
		if !seen[k] {
			seen[k] = true
			unique = append(unique, item)
		}
	}
	return seqOf(kindSet, unique), nil
}
