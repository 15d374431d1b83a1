package config

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Attribute is something that this client says about itself, for selection
// criteria to test.
type Attribute struct {
	Name  string // a lower-case identifier, since criteria use it as a name
	Value any    // int64, float64, bool, string or []string
	raw   string
}

// ClientInfo is the section [client.info]: who this client is and what it has.
type ClientInfo struct {
	UserID     string      // identifies the client to the cloud; default: the host's name
	DataQnt    int         // how many samples the client holds
	Sensors    []string    // never nil
	Attributes []Attribute // every further key, in the order in which it was given
}

// Attribute returns the value of a further attribute by name.
func (i *ClientInfo) Attribute(name string) (value any, ok bool) {
	for _, a := range i.Attributes {
		if a.Name == name {
			return a.Value, true
		}
	}
	return nil, false
}

// add appends an attribute; the loader gives each name once.
func (i *ClientInfo) add(name, raw string) *problem {
	if !identifier.MatchString(name) {
		return &problem{"cannot be an attribute's name", "use letters, digits and _, so that selection criteria can name it"}
	}
	v := parseAttribute(raw)
	switch name {
	case "id", "creation_date", "last_mod_date":
		return &problem{"is set by the cloud", "choose another name for the attribute"}
	case "avg_acc_contrib", "avg_disconnection_per_round":
		switch v.(type) {
		case int64, float64:
		default:
			return &problem{"is not a number", "the cloud stores this attribute as a number"}
		}
	}
	i.Attributes = append(i.Attributes, Attribute{Name: name, Value: v, raw: raw})
	return nil
}

// parseAttribute reads a number, a truth value, a comma-separated list, or else
// a text. Numbers follow JSON's grammar: 007 stays a text, as an identifier may be.
func parseAttribute(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && isNumber(s) {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && isNumber(s) && !math.IsInf(f, 0) {
		return f
	}
	switch {
	case strings.EqualFold(s, "true"):
		return true
	case strings.EqualFold(s, "false"):
		return false
	case strings.Contains(s, ","):
		return splitList(s)
	}
	return s
}

func isNumber(s string) bool { return number.MatchString(s) }

var (
	identifier = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	number     = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)
