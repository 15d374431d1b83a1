package deploytest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// node is a mapping's entry, or a sequence's item, whose key is "-". The reader
// knows the part of YAML that docker-compose.yml is written in: block mappings
// and sequences, one-line flow ones, anchors, and << with one alias.
type node struct {
	key, value string
	kids       []*node
}

func itoa(n int) string { return strconv.Itoa(n) }

// parse reads a document by its indentation.
func parse(text string) (*node, error) {
	top := &node{}
	open, depth := []*node{top}, []int{-1}
	for i, line := range strings.Split(text, "\n") {
		body := strings.TrimLeft(line, " ")
		if body == "" || body[0] == '#' {
			continue
		}
		indent := len(line) - len(body)
		for depth[len(depth)-1] >= indent {
			open, depth = open[:len(open)-1], depth[:len(depth)-1]
		}
		n := &node{}
		if item, ok := strings.CutPrefix(body, "- "); ok {
			n.key, n.value = "-", item
		} else if key, value, ok := strings.Cut(body, ":"); ok && (value == "" || value[0] == ' ') {
			n.key, n.value = key, strings.TrimSpace(value)
		} else {
			return nil, fmt.Errorf("line %d is neither an entry nor an item: %s", i+1, line)
		}
		parent := open[len(open)-1]
		parent.kids = append(parent.kids, n)
		open, depth = append(open, n), append(depth, indent)
	}
	return top, nil
}

// anchors finds the entries that others refer to, and takes the marks off.
func (n *node) anchors(found map[string]*node) {
	if name, ok := strings.CutPrefix(n.value, "&"); ok {
		name, n.value, _ = strings.Cut(name, " ")
		found[name] = n
	}
	for _, kid := range n.kids {
		kid.anchors(found)
	}
}

// resolve puts the entries that << and aliases name in their place. What is
// written beside << wins.
func (n *node) resolve(anchors map[string]*node) error {
	var merged []*node
	for _, kid := range n.kids {
		if name, ok := strings.CutPrefix(kid.value, "*"); ok {
			from := anchors[name]
			if from == nil {
				return fmt.Errorf("there is no anchor %s", name)
			}
			if kid.key == "<<" {
				merged = append(merged, from.kids...)
				continue
			}
			kid.value, kid.kids = from.value, from.kids
		}
		if err := kid.resolve(anchors); err != nil {
			return err
		}
	}
	n.kids = slices.DeleteFunc(n.kids, func(kid *node) bool { return kid.key == "<<" })
	for _, kid := range merged {
		if n.get(kid.key) == nil {
			n.kids = append(n.kids, kid)
		}
	}
	return nil
}

func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, kid := range n.kids {
		if kid.key == key {
			return kid
		}
	}
	return nil
}

var variable = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`)

// required is a variable without a default, and given what it has in the tests.
var required = regexp.MustCompile(`\$\{[A-Z_]+:\?[^}]*\}`)

const given = "given"

// scalar is a text without its quotes, with the defaults of its variables.
func scalar(text string) string {
	if inner, ok := strings.CutPrefix(text, "'"); ok {
		text = strings.ReplaceAll(strings.TrimSuffix(inner, "'"), "''", "'")
	} else if inner, err := strconv.Unquote(text); err == nil {
		text = inner
	}
	return strings.ReplaceAll(required.ReplaceAllString(variable.ReplaceAllString(text, "$1"), given), "$$", "$")
}

// list is a sequence, in a block or on one line.
func (n *node) list() ([]string, error) {
	if n == nil {
		return nil, nil
	}
	var items []string
	for _, kid := range n.kids {
		items = append(items, scalar(kid.value))
	}
	flow, ok := strings.CutPrefix(n.value, "[")
	if !ok {
		return items, nil
	}
	for flow = strings.TrimSuffix(flow, "]"); flow != ""; {
		item, rest, err := firstItem(flow)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.value, err)
		}
		items, flow = append(items, scalar(item)), rest
	}
	return items, nil
}

// firstItem parts the first item of a flow sequence from the others.
func firstItem(flow string) (item, rest string, err error) {
	switch flow[0] {
	case '"':
		if item, err = strconv.QuotedPrefix(flow); err != nil {
			return "", "", err
		}
	case '\'':
		end := strings.IndexByte(flow[1:], '\'')
		if end < 0 {
			return "", "", fmt.Errorf("a quote is not closed")
		}
		item = flow[:end+2]
	default:
		item, _, _ = strings.Cut(flow, ",")
	}
	rest = strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(flow[len(item):], " "), ","), " ")
	return strings.TrimSpace(item), rest, nil
}

var condition = regexp.MustCompile(`^\{ *condition: *([a-z_]+) *\}$`)

// parseComposition reads docker-compose.yml.
func parseComposition(text string) (composition, error) {
	top, err := parse(text)
	if err != nil {
		return nil, err
	}
	anchors := map[string]*node{}
	top.anchors(anchors)
	for range 2 { // an anchor may lie behind what refers to it
		if err := top.resolve(anchors); err != nil {
			return nil, err
		}
	}
	c := composition{}
	for _, s := range top.get("services").kids {
		k := &container{DependsOn: map[string]string{}}
		var errs [6]error
		k.Command, errs[0] = s.get("command").list()
		k.Networks, errs[1] = s.get("networks").list()
		k.Ports, errs[2] = s.get("ports").list()
		k.Health, errs[3] = s.get("healthcheck").get("test").list()
		k.Volumes, errs[4] = s.get("volumes").list()
		k.Secrets, errs[5] = s.get("secrets").list()
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("service %s: %w", s.key, err)
		}
		slices.Sort(k.Networks)
		if env := s.get("environment"); env != nil {
			k.Environment = map[string]string{}
			for _, v := range env.kids {
				k.Environment[v.key] = scalar(v.value)
			}
		}
		if on := s.get("depends_on"); on != nil {
			for _, d := range on.kids {
				m := condition.FindStringSubmatch(d.value)
				if m == nil {
					return nil, fmt.Errorf("service %s: the dependency on %s is not { condition: ... }", s.key, d.key)
				}
				k.DependsOn[d.key] = m[1]
			}
		}
		c[s.key] = k
	}
	return c, nil
}
