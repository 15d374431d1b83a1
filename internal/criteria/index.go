package criteria

import (
	"slices"
	"unicode/utf8"
)

// indexNode is of[index].
type indexNode struct {
	span
	of, index node
}

func (n *indexNode) eval(e *env) (value, error) {
	of, err := n.of.eval(e)
	if err != nil {
		return none, err
	}
	index, err := n.index.eval(e)
	if err != nil {
		return none, err
	}
	v, err := e.item(of, index)
	return v, n.locate(err)
}

func (e *env) item(of, index value) (value, error) {
	switch {
	case of.kind != kindStr && !of.isSequence():
		return none, fail(ErrType, "'%v' has no elements to pick by index", of.kind)
	case !index.isInt():
		return none, fail(ErrType, "an index is an int, not '%v'", index.kind)
	}
	size := len(of.items)
	if of.kind == kindStr {
		size = length(of.s)
	}
	if err := e.spend(1 + len(of.s)/stringUnit); err != nil {
		return none, err
	}
	i := index.n
	if i < 0 {
		i += int64(size)
	}
	if i < 0 || i >= int64(size) {
		return none, fail(ErrValue, "index %d is outside of %d elements", index.n, size)
	}
	if of.kind == kindStr {
		return strOf(chars(of.s, int(i), int(i)+1)), nil
	}
	return of.items[i], nil
}

// chars returns the characters from and up to, not including, to.
func chars(s string, from, to int) string {
	start := len(s)
	i := 0
	for offset := range s {
		if i == from {
			start = offset
		}
		if i == to {
			return s[start:offset]
		}
		i++
	}
	return s[start:]
}

// sliceNode is of[from:to:step]; each of the three may be nil.
type sliceNode struct {
	span
	of, from, to, step node
}

func (n *sliceNode) eval(e *env) (value, error) {
	of, err := n.of.eval(e)
	if err != nil {
		return none, err
	}
	var bounds [3]value
	for i, part := range []node{n.from, n.to, n.step} {
		if part != nil {
			if bounds[i], err = part.eval(e); err != nil {
				return none, err
			}
		}
	}
	v, err := e.slice(of, bounds)
	return v, n.locate(err)
}

func (e *env) slice(of value, bounds [3]value) (value, error) {
	if of.kind != kindStr && !of.isSequence() {
		return none, fail(ErrType, "'%v' cannot be sliced", of.kind)
	}
	for _, b := range bounds {
		if b.kind != kindNone && !b.isInt() {
			return none, fail(ErrType, "the bounds of a slice are ints, not '%v'", b.kind)
		}
	}
	if err := e.spend(1 + len(of.items) + len(of.s)/stringUnit); err != nil {
		return none, err
	}
	size := int64(len(of.items))
	if of.kind == kindStr {
		size = int64(length(of.s))
	}
	from, to, step := int64(0), size, int64(1)
	if bounds[2].kind != kindNone {
		step = bounds[2].n
	}
	lowest, highest := int64(0), size
	switch {
	case step == 0:
		return none, fail(ErrValue, "the step of a slice is not 0")
	case step < 0:
		lowest, highest = -1, size-1
		from, to = highest, lowest
	}
	clamp := func(b value, otherwise int64) int64 {
		if b.kind == kindNone {
			return otherwise
		}
		i := b.n
		if i < 0 {
			i += size
		}
		return min(max(i, lowest), highest)
	}
	from, to = clamp(bounds[0], from), clamp(bounds[1], to)
	step = min(max(step, -size-1), size+1) // the same picks, and no overflow
	if of.kind == kindStr && step == 1 {
		return strOf(chars(of.s, int(from), int(max(from, to)))), nil
	}
	items := of.items
	if of.kind == kindStr {
		if err := e.size(int(size), maxItems); err != nil {
			return none, err
		}
		items = characters(of.s)
	}
	var picked []value
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		picked = append(picked, items[i])
	}
	if of.kind != kindStr {
		return seqOf(of.kind, picked), nil
	}
	var text []byte
	for _, c := range picked {
		text = append(text, c.s...)
	}
	return strOf(string(text)), nil
}

func characters(s string) []value {
	all := make([]value, 0, len(s))
	for i, r := range s {
		size := utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, size = utf8.DecodeRuneInString(s[i:])
		}
		all = append(all, strOf(s[i:i+size]))
	}
	return slices.Clip(all)
}
