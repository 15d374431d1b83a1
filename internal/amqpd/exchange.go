package amqpd

import (
	"fmt"
	"slices"
	"strings"
)

// exchange is one exchange; broker.mu guards it.
type exchange struct {
	name, kind                    string
	durable, autoDelete, internal bool
	predeclared                   bool
	args                          table
	alternate                     string
	bindings                      []*binding            // in order of binding
	byKey                         map[string][]*binding // direct exchanges only
	inbound                       int                   // bindings that have it as their destination
}

// binding leads from an exchange to a queue or to another exchange.
type binding struct {
	key   string
	words []string // the key, split, for topic exchanges
	args  table
	queue *queue
	to    *exchange
}

func (b *binding) same(o *binding) bool {
	return b.key == o.key && b.queue == o.queue && b.to == o.to && string(appendTable(nil, b.args)) == string(appendTable(nil, o.args))
}

// exchangeKinds are the types that the broker knows.
var exchangeKinds = []string{"direct", "fanout", "topic", "headers"}

// add binds; binding twice is binding once.
func (x *exchange) add(b *binding) {
	if slices.ContainsFunc(x.bindings, b.same) {
		return
	}
	if x.kind == "topic" {
		b.words = topicWords(b.key)
	}
	x.bindings = append(x.bindings, b)
	if x.kind == "direct" {
		if x.byKey == nil {
			x.byKey = map[string][]*binding{}
		}
		x.byKey[b.key] = append(x.byKey[b.key], b)
	}
	if b.to != nil {
		b.to.inbound++
	}
}

// remove unbinds what drop picks and says whether that was anything.
func (x *exchange) remove(drop func(*binding) bool) bool {
	n := len(x.bindings)
	x.bindings = slices.DeleteFunc(x.bindings, func(b *binding) bool {
		if !drop(b) {
			return false
		}
		if b.to != nil {
			b.to.inbound--
		}
		if left := slices.DeleteFunc(x.byKey[b.key], func(o *binding) bool { return o == b }); len(left) > 0 {
			x.byKey[b.key] = left
		} else {
			delete(x.byKey, b.key)
		}
		return true
	})
	return len(x.bindings) < n
}

// match calls hit for every binding that a message with this key and these
// headers follows. The headers are asked for only when the type needs them.
func (x *exchange) match(key string, headers func() table, hit func(*binding)) {
	switch x.kind {
	case "direct":
		for _, b := range x.byKey[key] {
			hit(b)
		}
	case "fanout":
		for _, b := range x.bindings {
			hit(b)
		}
	case "topic":
		words := topicWords(key)
		for _, b := range x.bindings {
			if matchTopic(b.words, words) {
				hit(b)
			}
		}
	case "headers":
		h := headers()
		for _, b := range x.bindings {
			if matchHeaders(b.args, h) {
				hit(b)
			}
		}
	}
}

// topicWords splits a key; the empty key has no words, rather than one empty one.
func topicWords(key string) []string {
	if key == "" {
		return nil
	}
	return strings.Split(key, ".")
}

// matchTopic matches words against a pattern in which * is one word and # is any
// number of them. It works row by row, so that many # cannot make it slow.
func matchTopic(pattern, words []string) bool {
	row := make([]bool, len(words)+1) // row[i]: the pattern so far matches words[:i]
	row[0] = true
	for _, p := range pattern {
		previous := row[0]
		row[0] = previous && p == "#"
		for i, w := range words {
			here := row[i+1]
			switch p {
			case "#":
				row[i+1] = here || row[i]
			case "*":
				row[i+1] = previous
			default:
				row[i+1] = previous && p == w
			}
			previous = here
		}
	}
	return row[len(words)]
}

// matchHeaders follows x-match: all (the default), any, and their -with-x forms,
// which compare keys that begin with x- too.
func matchHeaders(args, headers table) bool {
	how, _ := args["x-match"].(string)
	anyOf, withX := strings.HasPrefix(how, "any"), strings.HasSuffix(how, "-with-x")
	compared := false
	for k, want := range args {
		if k == "x-match" || !withX && strings.HasPrefix(k, "x-") {
			continue
		}
		compared = true
		have, ok := headers[k]
		ok = ok && (want == nil || sameValue(want, have))
		if ok == anyOf {
			return ok
		}
	}
	return !anyOf || !compared && len(args) == 0
}

func sameValue(a, b any) bool {
	if x, ok := integer(a); ok {
		y, ok := integer(b)
		return ok && x == y
	}
	return fieldType(a) == fieldType(b) && fmt.Sprint(a) == fmt.Sprint(b)
}
