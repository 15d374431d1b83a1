package criteria

// function is a built-in: how many arguments it takes, and what it does.
type function struct {
	least, most int
	lazy        bool // its only argument may be a generator expression
	call        func(e *env, args []value) (value, error)
}

const anyNumber = 1 << 10

// functions that walk over their first argument get it as a list of its elements;
// any and all are walked in callNode.each, since they may stop early.
var functions = map[string]function{
	"abs":    {1, 1, false, callAbs},
	"all":    {1, 1, true, nil},
	"any":    {1, 1, true, nil},
	"bool":   {0, 1, false, callBool},
	"float":  {0, 1, false, callFloat},
	"int":    {0, 1, false, callInt},
	"len":    {1, 1, false, callLen},
	"list":   {0, 1, true, callList},
	"max":    {1, anyNumber, true, callMax},
	"min":    {1, anyNumber, true, callMin},
	"round":  {1, 2, false, callRound},
	"set":    {0, 1, true, callSet},
	"sorted": {1, 1, true, callSorted},
	"str":    {0, 1, false, callStr},
	"sum":    {1, 2, true, callSum},
}

// callNode is name(args...).
type callNode struct {
	span
	name string
	fn   function
	args []node
}

func (n *callNode) eval(e *env) (value, error) {
	if err := e.spend(1); err != nil {
		return none, n.locate(err)
	}
	if n.fn.call == nil {
		return n.anyAll(e)
	}
	var buf [2]value
	args := buf[:0]
	for _, arg := range n.args {
		var v value
		var err error
		if gen, ok := arg.(*genNode); ok {
			v, err = gen.list(e)
		} else {
			v, err = arg.eval(e)
		}
		if err != nil {
			return none, err
		}
		args = append(args, v)
	}
	v, err := n.fn.call(e, args)
	return v, n.locate(err)
}

// anyAll stops at the first element that decides.
func (n *callNode) anyAll(e *env) (value, error) {
	isAny := n.name == "any"
	result := !isAny
	decide := func(v value) bool {
		if v.truth() == isAny {
			result = isAny
			return false
		}
		return true
	}
	if gen, ok := n.args[0].(*genNode); ok {
		err := gen.each(e, decide)
		return boolOf(result), err
	}
	v, err := n.args[0].eval(e)
	if err != nil {
		return none, err
	}
	items, err := e.elements(v)
	if err != nil {
		return none, n.locate(err)
	}
	for _, item := range items {
		if !decide(item) {
			break
		}
	}
	return boolOf(result), nil
}

// genNode is result for name in of [if test]..., the argument of a function.
type genNode struct {
	span
	result node
	name   string
	of     node
	tests  []node
}

// eval is for a genNode in no function, which the parser does not make.
func (n *genNode) eval(e *env) (value, error) { return n.list(e) }

func (n *genNode) list(e *env) (value, error) {
	var items []value
	err := n.each(e, func(v value) bool { items = append(items, v); return true })
	return seqOf(kindList, items), err
}

func (n *genNode) each(e *env, yield func(value) bool) error {
	of, err := n.of.eval(e)
	if err != nil {
		return err
	}
	items, err := e.elements(of)
	if err != nil {
		return n.locate(err)
	}
	slot := len(e.locals)
	e.locals = append(e.locals, local{name: n.name})
	defer func() { e.locals = e.locals[:slot] }()
next:
	for _, item := range items {
		if err := e.spend(1); err != nil {
			return n.locate(err)
		}
		e.locals[slot].val = item
		for _, test := range n.tests {
			v, err := test.eval(e)
			if err != nil {
				return err
			}
			if !v.truth() {
				continue next
			}
		}
		v, err := n.result.eval(e)
		if err != nil {
			return err
		}
		if !yield(v) {
			return nil
		}
	}
	return nil
}

// elements is what a loop over v gives.
func (e *env) elements(v value) ([]value, error) {
	switch {
	case v.kind == kindStr:
		if err := e.size(length(v.s), maxItems); err != nil {
			return nil, err
		}
		return characters(v.s), nil
	case v.isContainer():
		return v.items, e.spend(len(v.items))
	}
	return nil, fail(ErrType, "a '%v' has no elements", v.kind)
}
