package criteria

import "slices"

// display parses what begins with a bracket: a group, a tuple, a list or a set.
func (p *parser) display() (node, error) {
	open := p.tok
	closing, kind := "]", kindList
	switch open.text {
	case "(":
		closing, kind = ")", kindTuple
	case "{":
		closing, kind = "}", kindSet
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	var items []node
	comma := false
	for !p.is(closing) {
		item, err := p.expression()
		if err != nil {
			return nil, err
		}
		switch {
		case p.is("for"):
			return nil, p.fault(open.from, "comprehensions are not available: write any(... for x in ...) or all(...)")
		case p.is(":") && kind == kindSet:
			return nil, p.fault(open.from, "dictionaries are not available")
		}
		items = append(items, item)
		if comma, err = p.accept(","); err != nil {
			return nil, err
		}
		if !comma {
			break
		}
	}
	if err := p.expect(closing, "for the '"+open.text+"' before"); err != nil {
		return nil, err
	}
	where := span{open.from, p.last}
	switch {
	case kind == kindTuple && len(items) == 1 && !comma:
		return items[0], nil
	case kind == kindSet && len(items) == 0:
		return nil, p.fault(open.from, "{} would be a dictionary: write set()")
	}
	n := &displayNode{where, kind, items}
	return fold(n), nil
}

// fold computes a list, tuple or set of literals once and for all.
func fold(n *displayNode) node {
	for _, item := range n.items {
		if _, ok := item.(*constNode); !ok {
			return n
		}
	}
	v, err := n.eval(&env{steps: maxSteps})
	if err != nil {
		return n // a list in a set: the error comes when it is evaluated, as in Python
	}
	return &constNode{n.span, v}
}

// call parses the arguments of a function.
func (p *parser) call(name token) (node, error) {
	fn, ok := functions[name.text]
	if !ok {
		return nil, p.fault(name.from, "unknown function %s; there are %s", name.text, functionNames())
	}
	args, err := p.arguments(fn.lazy)
	if err != nil {
		return nil, err
	}
	if err := p.arity(name, len(args), fn.least, fn.most); err != nil {
		return nil, err
	}
	return &callNode{span{name.from, p.last}, name.text, fn, args}, nil
}

func (p *parser) arity(name token, got, least, most int) error {
	var want string
	switch {
	case got >= least && got <= most:
		return nil
	case most == 0:
		want = "no argument"
	case most == 1 && least == 1:
		want = "one argument"
	case most == 1:
		want = "one argument or none"
	case most == anyNumber:
		want = "one argument or more"
	default:
		want = "one or two arguments"
	}
	return p.fault(name.from, "%s() takes %s, not %d", name.text, want, got)
}

func (p *parser) arguments(lazy bool) (args []node, err error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	for !p.is(")") {
		from := p.tok.from
		if p.is("*") || p.is("**") {
			return nil, p.fault(from, "arguments cannot be unpacked")
		}
		// The variable of a generator expression comes after its uses: what they
		// have mentioned is taken back.
		mentioned := len(p.names)
		arg, err := p.expression()
		if err != nil {
			return nil, err
		}
		if p.is("for") {
			switch {
			case !lazy:
				return nil, p.fault(from, "this function takes no generator expression")
			case len(args) > 0:
				return nil, p.fault(from, "a generator expression is the only argument")
			}
			if arg, err = p.generator(from, arg, mentioned); err != nil {
				return nil, err
			}
			if !p.is(")") {
				return nil, p.unexpected("')' after the generator expression")
			}
		}
		args = append(args, arg)
		comma, err := p.accept(",")
		if err != nil {
			return nil, err
		}
		if !comma {
			break
		}
	}
	return args, p.expect(")", "after the arguments")
}

// generator parses the rest of "result for name in of if test...".
func (p *parser) generator(from int, result node, mentioned int) (node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind != tokenName {
		return nil, p.unexpected("the name of one variable")
	}
	n := &genNode{result: result, name: p.tok.text}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("in", "after the variable"); err != nil {
		return nil, err
	}
	p.names = append(p.names[:mentioned], slices.DeleteFunc(p.names[mentioned:], func(m mention) bool { return m.name == n.name })...)
	var err error
	if n.of, err = p.operators(powerOr); err != nil {
		return nil, err
	}
	p.bound = append(p.bound, n.name)
	defer func() { p.bound = p.bound[:len(p.bound)-1] }()
	for p.is("if") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		test, err := p.operators(powerOr)
		if err != nil {
			return nil, err
		}
		n.tests = append(n.tests, test)
	}
	if p.is("for") {
		return nil, p.fault(p.tok.from, "one 'for' only: write any(any(... for y in ...) for x in ...)")
	}
	n.span = span{from, p.last}
	return n, nil
}

// subscript parses [index] and [from:to:step].
func (p *parser) subscript(from int, of node) (node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	var parts [3]node
	count, isSlice := 0, false
	for count < 3 {
		if !p.is(":") && !p.is("]") {
			part, err := p.expression()
			if err != nil {
				return nil, err
			}
			parts[count] = part
		}
		colon, err := p.accept(":")
		if err != nil {
			return nil, err
		}
		if !colon {
			break
		}
		isSlice = true
		count++
	}
	if !isSlice && parts[0] == nil {
		return nil, p.unexpected("an index")
	}
	if err := p.expect("]", "after the index"); err != nil {
		return nil, err
	}
	where := span{from, p.last}
	if isSlice {
		return &sliceNode{where, of, parts[0], parts[1], parts[2]}, nil
	}
	return &indexNode{where, of, parts[0]}, nil
}

// method parses .name(...).
func (p *parser) method(from int, of node) (node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	name := p.tok
	if name.kind != tokenName {
		return nil, p.unexpected("the name of a method")
	}
	m, ok := methods[name.text]
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch {
	case !ok && p.is("("):
		return nil, p.fault(name.from, "unknown method %s; text has %s", name.text, methodNames())
	case !p.is("("):
		return nil, p.fault(name.from, "attributes of values are not available, only these methods of text: %s", methodNames())
	}
	args, err := p.arguments(false)
	if err != nil {
		return nil, err
	}
	if err := p.arity(name, len(args), m.least, m.most); err != nil {
		return nil, err
	}
	n := &methodNode{span: span{from, p.last}, of: of, name: name.text}
	if len(args) == 1 {
		n.arg = args[0]
	}
	return n, nil
}
