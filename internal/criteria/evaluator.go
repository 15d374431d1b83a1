package criteria

// Evaluator asks many expressions of one client. What the client has is made ready
// once. It is not safe for concurrent use, and the attributes must not change
// meanwhile.
type Evaluator struct{ env env }

// NewEvaluator makes one for a client with these attributes, whose values are those
// of [Expr.Eval].
func NewEvaluator(attrs map[string]any) *Evaluator {
	return &Evaluator{env{attrs: attrs, ready: make(map[string]ready, len(attrs))}}
}

// ready is an attribute's value, and what making it takes: an expression pays that
// each time, so that its bounds do not depend on what was asked before.
type ready struct {
	value value
	steps int
}

// Eval is [Expr.Eval].
func (e *Evaluator) Eval(x *Expr) (bool, error) {
	if x.root == nil {
		return true, nil
	}
	e.env.steps, e.env.locals = maxSteps, nil
	v, err := x.evalIn(x.root, &e.env)
	return err == nil && v.truth(), err
}
