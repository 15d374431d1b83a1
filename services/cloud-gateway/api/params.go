package api

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a page.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// params are a request's query parameters. Each is read by a method that says
// what it must be; what is wrong is gathered for err.
type params struct {
	values url.Values
	faults map[string]string
}

// newParams takes the query apart and refuses names that the route does not have.
func newParams(r *http.Request, allowed []string) (*params, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid("The query cannot be read: "+err.Error(), "Encode it as in ?q=a%20b.")
	}
	p := &params{values: values, faults: map[string]string{}}
	for name, list := range values {
		switch {
		case !slices.Contains(allowed, name):
			p.faults[name] = "is no parameter here" + listed(allowed)
		case len(list) > 1:
			p.faults[name] = "is given more than once"
		case !utf8.ValidString(list[0]):
			p.faults[name] = "is not UTF-8"
		}
	}
	return p, p.err()
}

func listed(allowed []string) string {
	if len(allowed) == 0 {
		return ", which takes none"
	}
	return ", which takes " + strings.Join(allowed, ", ")
}

// err tells everything that was wrong up to now.
func (p *params) err() error {
	if len(p.faults) == 0 {
		return nil
	}
	return badFields(p.faults)
}

// text reads a string of at most most bytes.
func (p *params) text(name string, most int) string {
	v := p.values.Get(name)
	if len(v) > most {
		p.faults[name] = fmt.Sprintf("is longer than %d bytes", most)
	}
	return v
}

// oneOf reads one of some words; absent means the first.
func (p *params) oneOf(name string, words ...string) string {
	v := p.values.Get(name)
	switch {
	case v == "":
		return words[0]
	case !slices.Contains(words, v):
		p.faults[name] = "is none of " + strings.Join(slices.DeleteFunc(slices.Clone(words), func(s string) bool { return s == "" }), ", ")
	}
	return v
}

// words reads a list of distinct words, with commas between; absent means nil.
func (p *params) words(name string, allowed ...string) []string {
	v := p.values.Get(name)
	if v == "" {
		return nil
	}
	list := strings.Split(v, ",")
	for i, word := range list {
		if !slices.Contains(allowed, word) || slices.Contains(list[:i], word) {
			p.faults[name] = "is not a list of distinct words out of " + strings.Join(allowed, ",")
		}
	}
	return list
}

// number reads a whole number.
func (p *params) number(name string, absent, least, most int) int {
	v := p.values.Get(name)
	if v == "" {
		return absent
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		p.faults[name] = fmt.Sprintf("is not a whole number from %d to %d", least, most)
	}
	return n
}

func (p *params) limit() int { return p.number("limit", defaultLimit, 1, maxLimit) }

// seconds reads a point in time, in unix seconds; absent means 0.
func (p *params) seconds(name string) float64 {
	v := p.values.Get(name)
	if v == "" {
		return 0
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > maxTime {
		p.faults[name] = "is not a time in unix seconds"
	}
	return f
}

// maxTime is beyond any time that makes sense, in unix seconds.
const maxTime = 1e11

// cursor reads the next of the page before.
func (p *params) cursor() string { return p.text("cursor", 512) }
