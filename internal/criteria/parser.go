package criteria

import (
	"maps"
	"slices"
	"strings"
)

// Binding powers of the binary operators. 'not' stands between and and the
// comparisons, the signs between * and **.
const (
	powerOr = iota + 1
	powerAnd
	powerNot
	powerCompare
	powerSum
	powerProduct
	powerSign
	powerPower
)

var powers = map[string]int{
	"or": powerOr, "and": powerAnd,
	"==": powerCompare, "!=": powerCompare, "<": powerCompare, "<=": powerCompare, ">": powerCompare, ">=": powerCompare,
	"in": powerCompare, "not": powerCompare, "is": powerCompare, // not: of "not in"
	"+": powerSum, "-": powerSum, "*": powerProduct, "/": powerProduct, "//": powerProduct, "%": powerProduct,
	"**": powerPower,
}

// parser is a Pratt parser over one token of lookahead.
type parser struct {
	lexer
	tok   token
	last  int // where the token before tok ended
	depth int
	names []mention // of attributes
	bound []string  // variables of the generator expressions around
}

// mention is an attribute's name and where it stands.
type mention struct {
	name string
	from int
}

func parse(src string) (node, []mention, error) {
	p := &parser{lexer: lexer{src: src}}
	if err := p.advance(); err != nil {
		return nil, nil, err
	}
	root, err := p.expression()
	if err != nil {
		return nil, nil, err
	}
	if p.tok.kind != tokenEnd {
		return nil, nil, p.unexpected("the end of the expression")
	}
	return root, p.names, nil
}

func (p *parser) advance() (err error) {
	p.last = p.tok.to
	p.tok, err = p.next()
	return err
}

func (p *parser) is(word string) bool { return p.tok.kind == tokenWord && p.tok.text == word }

// accept passes over word if it is next.
func (p *parser) accept(word string) (bool, error) {
	if !p.is(word) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expect(word, why string) error {
	if !p.is(word) {
		return p.unexpected("'" + word + "' " + why)
	}
	return p.advance()
}

func (p *parser) unexpected(wanted string) error {
	switch p.tok.kind {
	case tokenEnd:
		return p.fault(p.tok.from, "the expression ends where %s should be", wanted)
	case tokenWord:
		if p.tok.text == "," && wanted == "the end of the expression" {
			return p.fault(p.tok.from, "a comma here would make a tuple, which is always true: write 'and' or 'or'")
		}
	}
	return p.fault(p.tok.from, "%s where %s should be", p.src[p.tok.from:p.tok.to], wanted)
}

// deeper guards the parser's, and with it the evaluator's, recursion.
func (p *parser) deeper() (func(), error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fault(p.tok.from, "nested more than %d levels deep", maxDepth)
	}
	return func() { p.depth-- }, nil
}

// expression is the whole grammar: binary operators, and x if y else z.
func (p *parser) expression() (node, error) {
	out, err := p.deeper()
	if err != nil {
		return nil, err
	}
	defer out()
	from := p.tok.from
	left, err := p.operators(powerOr)
	if err != nil {
		return nil, err
	}
	if ok, err := p.accept("if"); err != nil || !ok {
		return left, err
	}
	test, err := p.operators(powerOr)
	if err != nil {
		return nil, err
	}
	if err := p.expect("else", "of the 'if'"); err != nil {
		return nil, err
	}
	no, err := p.expression()
	if err != nil {
		return nil, err
	}
	return &condNode{span{from, p.last}, test, left, no}, nil
}

// operators parses what binds at least as strongly as least.
func (p *parser) operators(least int) (node, error) {
	from := p.tok.from
	left, err := p.prefix(least)
	if err != nil {
		return nil, err
	}
	for p.tok.kind == tokenWord {
		op := p.tok.text
		power := powers[op]
		if power == 0 || power < least {
			break
		}
		if left, err = p.infix(from, left, op, power); err != nil {
			return nil, err
		}
	}
	return left, nil
}

func (p *parser) infix(from int, left node, op string, power int) (node, error) {
	if power == powerCompare {
		return p.comparison(from, left)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if power == powerPower { // to the right: 2 ** 3 ** 2, and 2 ** -1
		out, err := p.deeper()
		if err != nil {
			return nil, err
		}
		defer out()
		right, err := p.operators(powerSign)
		if err != nil {
			return nil, err
		}
		return &binaryNode{span{from, p.last}, op, left, right}, nil
	}
	right, err := p.operators(power + 1)
	if err != nil {
		return nil, err
	}
	where := span{from, p.last}
	if power > powerAnd {
		return &binaryNode{where, op, left, right}, nil
	}
	// A run of one operator is one node, unless parentheses keep a part together.
	if b, ok := left.(*boolNode); ok && b.op == op && b.from == from {
		return &boolNode{where, op, append(b.operands, right)}, nil
	}
	return &boolNode{where, op, []node{left, right}}, nil
}

func (p *parser) comparison(from int, left node) (node, error) {
	n := &compareNode{operands: []node{left}}
	for p.tok.kind == tokenWord && powers[p.tok.text] == powerCompare {
		op, at := p.tok.text, p.tok.from
		if err := p.advance(); err != nil {
			return nil, err
		}
		switch op {
		case "not":
			if err := p.expect("in", "of 'not in'"); err != nil {
				return nil, err
			}
			op = "not in"
		case "is":
			not, err := p.accept("not")
			if err != nil {
				return nil, err
			}
			if not {
				op = "is not"
			}
		}
		right, err := p.operators(powerCompare + 1)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(op, "is") && !isSingleton(right) && !isSingleton(n.operands[len(n.operands)-1]) {
			return nil, p.fault(at, "'is' is only for None, True and False: write == to compare")
		}
		n.ops = append(n.ops, op)
		n.operands = append(n.operands, right)
	}
	n.span = span{from, p.last}
	return n, nil
}

func isSingleton(n node) bool {
	c, ok := n.(*constNode)
	return ok && c.val.kind <= kindBool
}

// prefix parses signs, 'not' and operands. After an operator that binds at least as
// strongly, 'not' wants parentheses, as in Python.
func (p *parser) prefix(least int) (node, error) {
	op, from := p.tok.text, p.tok.from
	if p.tok.kind != tokenWord || op != "not" && op != "-" && op != "+" {
		return p.postfix()
	}
	if op == "not" && least > powerNot {
		return nil, p.fault(from, "put parentheses around this 'not'")
	}
	out, err := p.deeper()
	if err != nil {
		return nil, err
	}
	defer out()
	if err := p.advance(); err != nil {
		return nil, err
	}
	power := powerSign
	if op == "not" {
		power = powerNot
	}
	operand, err := p.operators(power)
	if err != nil {
		return nil, err
	}
	where := span{from, p.last}
	if op == "not" {
		return &notNode{where, operand}, nil
	}
	return &unaryNode{where, op, operand}, nil
}

// postfix parses an operand and the indexes and methods that follow it.
func (p *parser) postfix() (node, error) {
	from := p.tok.from
	n, err := p.operand()
	for err == nil && p.tok.kind == tokenWord {
		switch p.tok.text {
		case "[":
			n, err = p.subscript(from, n)
		case ".":
			n, err = p.method(from, n)
		case "(":
			return nil, p.fault(p.tok.from, "only functions can be called: %s", functionNames())
		default:
			return n, nil
		}
	}
	return n, err
}

func (p *parser) operand() (node, error) {
	t := p.tok
	where := span{t.from, t.to}
	switch t.kind {
	case tokenNumber, tokenString:
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.kind == tokenString && t.kind == tokenString {
			return nil, p.fault(p.tok.from, "two strings side by side: write + to join them, or the comma that is missing")
		}
		return &constNode{where, t.val}, nil
	case tokenName:
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.is("(") {
			return p.call(t)
		}
		if _, ok := functions[t.text]; ok {
			return nil, p.fault(t.from, "%s is a function: write %s(...)", t.text, t.text)
		}
		p.mention(mention{t.text, t.from})
		return &nameNode{where, t.text}, nil
	case tokenWord:
		switch t.text {
		case "True", "False":
			return &constNode{where, boolOf(t.text == "True")}, p.advance()
		case "None":
			return &constNode{where, none}, p.advance()
		case "(", "[", "{":
			return p.display()
		}
	}
	return nil, p.unexpected("a value")
}

func (p *parser) mention(m mention) {
	if !slices.Contains(p.bound, m.name) {
		p.names = append(p.names, m)
	}
}

func functionNames() string { return strings.Join(slices.Sorted(maps.Keys(functions)), ", ") }
func methodNames() string   { return strings.Join(slices.Sorted(maps.Keys(methods)), ", ") }
