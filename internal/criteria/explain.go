package criteria

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Outcome is what a clause comes to for one client.
type Outcome string

// The outcomes of a clause. Of an expression, only OutcomeTrue selects.
const (
	OutcomeTrue  Outcome = "true"
	OutcomeFalse Outcome = "false"
	OutcomeError Outcome = "error"
)

// Explanation says what an expression, or a clause of it, comes to for one client.
// The operands of 'and' and 'or' are clauses, and so on down; what remains is a
// clause without clauses of its own.
type Explanation struct {
	Source  string  `json:"source"`          // without parentheses around it
	Op      string  `json:"op,omitempty"`    // "and" or "or", of Clauses
	Outcome Outcome `json:"outcome"`         // by itself, also if Skipped
	Error   string  `json:"error,omitempty"` // with OutcomeError

	// Skipped: the clauses before it have decided, and Eval does not look at it.
	Skipped bool `json:"skipped,omitempty"`
	// Blocks: it is one of the clauses that keep the client out.
	Blocks bool `json:"blocks,omitempty"`

	Values  []Attribute   `json:"values,omitempty"` // of a clause without clauses
	Clauses []Explanation `json:"clauses,omitempty"`
}

// Attribute is what the client has for a name that a clause mentions.
type Attribute struct {
	Name    string `json:"name"`
	Value   string `json:"value,omitempty"` // as Python writes it, shortened if long
	Missing bool   `json:"missing,omitempty"`
}

func (a Attribute) String() string {
	if a.Missing {
		return "no " + a.Name
	}
	return a.Name + " = " + a.Value
}

// Explain evaluates every clause for a client, also those that Eval would not
// reach, and marks those that keep the client out. Its outcome is that of Eval.
func (x *Expr) Explain(attrs map[string]any) Explanation {
	if x.root == nil {
		return Explanation{Outcome: OutcomeTrue}
	}
	root := x.explain(x.root, attrs, false)
	// The clauses together may take more steps than each by itself.
	if _, err := x.Eval(attrs); errors.Is(err, ErrLimit) {
		root.setError(err)
	}
	if root.Outcome != OutcomeTrue {
		root.block()
	}
	return root
}

func (x *Expr) explain(n node, attrs map[string]any, skipped bool) Explanation {
	part := n.at()
	result := Explanation{Source: x.src[part.from:part.to], Skipped: skipped}
	b, ok := n.(*boolNode)
	if !ok {
		result.Values = x.attributes(part, attrs)
		switch v, err := x.eval(n, attrs); {
		case err != nil:
			result.setError(err)
		case v.truth():
			result.Outcome = OutcomeTrue
		default:
			result.Outcome = OutcomeFalse
		}
		return result
	}
	result.Op = b.op
	goOn := OutcomeTrue // with this outcome of a clause, the next one is looked at
	if b.op == "or" {
		goOn = OutcomeFalse
	}
	result.Outcome = goOn
	for _, operand := range b.operands {
		decided := result.Outcome != goOn
		clause := x.explain(operand, attrs, skipped || decided)
		if !decided {
			result.Outcome, result.Error = clause.Outcome, clause.Error
		}
		result.Clauses = append(result.Clauses, clause)
	}
	return result
}

func (c *Explanation) setError(err error) {
	c.Outcome, c.Error = OutcomeError, err.Error()
	if e, ok := errors.AsType[*EvalError](err); ok {
		c.Error = e.Message // the clause is the place
	}
}

// block marks c and what below it would have to change. Where an error of an 'or'
// has ended the evaluation, that is the error alone. What failed without being
// looked at may have been guarded by the clauses before it, and is not marked.
func (c *Explanation) block() {
	c.Blocks = true
	for i := range c.Clauses {
		clause := &c.Clauses[i]
		failed := clause.Outcome == OutcomeError && !clause.Skipped
		isFalse := clause.Outcome == OutcomeFalse && (c.Op == "and" || c.Outcome == OutcomeFalse)
		if failed || isFalse {
			clause.block()
		}
	}
}

const maxShown = 80

func (x *Expr) attributes(part span, attrs map[string]any) (all []Attribute) {
	for _, name := range x.namesIn(part) {
		attr, ok := attrs[name]
		a := Attribute{Name: name, Missing: !ok}
		if v, err := (&env{steps: maxSteps}).convert(attr); err != nil {
			a.Value = fmt.Sprintf("<%T>", attr)
		} else if ok {
			a.Value = shorten(v.repr())
		}
		all = append(all, a)
	}
	return all
}

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= maxShown {
		return s
	}
	return chars(s, 0, maxShown-3) + "..."
}

// Selected reports whether the client is selected.
func (c Explanation) Selected() bool { return c.Outcome == OutcomeTrue }

// Reasons returns a sentence for each clause that keeps the client out.
func (c Explanation) Reasons() (reasons []string) {
	if !c.Blocks {
		return nil
	}
	for _, clause := range c.Clauses {
		reasons = append(reasons, clause.Reasons()...)
	}
	switch {
	case len(reasons) > 0:
		return reasons
	case c.Outcome == OutcomeError:
		return []string{fmt.Sprintf("%s cannot be evaluated: %s%s", c.line(), c.Error, c.known())}
	}
	return []string{c.line() + " is false" + c.known()}
}

// known lists the values of the clause in parentheses.
func (c Explanation) known() string {
	var parts []string
	for _, a := range c.Values {
		if !a.Missing {
			parts = append(parts, a.String())
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (c Explanation) line() string { return strings.Join(strings.Split(c.Source, "\n"), " ") }

// String draws the tree, a line a clause. An arrow points at what keeps the client
// out, and brackets hold what Eval does not look at.
func (c Explanation) String() string {
	if c.Source == "" {
		return "true   everyone\n"
	}
	var b strings.Builder
	c.draw(&b, 0)
	return b.String()
}

func (c Explanation) draw(b *strings.Builder, depth int) {
	outcome := string(c.Outcome)
	if c.Skipped {
		outcome = "[" + outcome + "]"
	}
	fmt.Fprintf(b, "%-7s%s%s", outcome, strings.Repeat("  ", depth), c.line())
	if len(c.Clauses) == 0 {
		parts := make([]string, len(c.Values))
		for i, a := range c.Values {
			parts[i] = a.String()
		}
		if len(parts) > 0 {
			fmt.Fprintf(b, "   # %s", strings.Join(parts, ", "))
		}
		if c.Error != "" {
			fmt.Fprintf(b, "   ! %s", c.Error)
		}
		if c.Blocks {
			b.WriteString("   <--")
		}
	}
	b.WriteByte('\n')
	for _, clause := range c.Clauses {
		clause.draw(b, depth+1)
	}
}
