package config

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is a setting in the Config: set parses and checks a text, text renders
// what is there now, in a form that set accepts.
type value interface {
	set(text string) *problem
	text() string
}

type stringValue struct {
	p     *string
	check func(string) *problem
}

func (v stringValue) text() string { return *v.p }
func (v stringValue) set(s string) *problem {
	if p := v.check(s); p != nil {
		return p
	}
	*v.p = s
	return nil
}

type secretValue struct{ p *Secret }

func (v secretValue) text() string          { return string(*v.p) }
func (v secretValue) set(s string) *problem { *v.p = Secret(s); return nil }

type intValue struct {
	p      *int
	lo, hi int
	what   string
}

func (v intValue) text() string { return strconv.Itoa(*v.p) }
func (v intValue) set(s string) *problem {
	n, err := strconv.Atoi(s)
	if err != nil || n < v.lo || n > v.hi {
		return &problem{"is not " + v.what, fmt.Sprintf("use a whole number from %d to %d", v.lo, v.hi)}
	}
	*v.p = n
	return nil
}

// boolValue takes exactly the words that Python's configparser takes.
type boolValue struct{ p *bool }

func (v boolValue) text() string { return strconv.FormatBool(*v.p) }
func (v boolValue) set(s string) *problem {
	switch strings.ToLower(s) {
	case "1", "yes", "true", "on":
		*v.p = true
	case "0", "no", "false", "off":
		*v.p = false
	default:
		return &problem{"is neither true nor false", "use true, yes, on, 1 or false, no, off, 0"}
	}
	return nil
}

// durationValue is a plain number of its unit, since Python programs read it
// with int() or float().
type durationValue struct {
	p      *time.Duration
	unit   time.Duration
	lo, hi time.Duration
}

func (v durationValue) text() string { return v.number(*v.p) }
func (v durationValue) number(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(v.unit), 'f', -1, 64)
}

func (v durationValue) set(s string) *problem {
	unit := "seconds"
	switch v.unit {
	case time.Minute:
		unit = "minutes"
	case 24 * time.Hour:
		unit = "days"
	}
	bad := &problem{"is not a duration in " + unit,
		fmt.Sprintf("use a number from %s to %s without a unit", v.number(v.lo), v.number(v.hi))}
	if !isNumber(s) {
		return bad
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f*float64(v.unit) < float64(v.lo) || f*float64(v.unit) > float64(v.hi) {
		return bad
	}
	*v.p = time.Duration(math.Round(f * float64(v.unit)))
	return nil
}

// choiceValue is one word of a closed set.
type choiceValue[T ~string] struct {
	p       *T
	choices []T
}

func (v choiceValue[T]) text() string { return string(*v.p) }
func (v choiceValue[T]) set(s string) *problem {
	words := make([]string, len(v.choices))
	for i, c := range v.choices {
		words[i] = string(c)
	}
	if !slices.Contains(words, s) {
		hint := "the choices are " + strings.Join(words, ", ")
		if near := nearest(s, words); near != "" {
			hint = fmt.Sprintf("did you mean %q? %s", near, hint)
		}
		return &problem{"is not known", hint}
	}
	*v.p = T(s)
	return nil
}

type levelValue struct{ p *slog.Level }

func (v levelValue) text() string { return strings.ToLower(v.p.String()) }
func (v levelValue) set(s string) *problem {
	word := v.text()
	c := choiceValue[string]{&word, []string{"debug", "info", "warn", "error"}}
	if p := c.set(strings.ToLower(s)); p != nil {
		return p
	}
	if err := v.p.UnmarshalText([]byte(word)); err != nil {
		return &problem{"is not a log level", err.Error()}
	}
	return nil
}

// listValue is a comma-separated list; empty items are dropped.
type listValue struct{ p *[]string }

func (v listValue) text() string          { return strings.Join(*v.p, ",") }
func (v listValue) set(s string) *problem { *v.p = splitList(s); return nil }

func splitList(s string) []string {
	list := []string{}
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

func anyText(string) *problem { return nil }

func nonEmpty(s string) *problem {
	if s == "" {
		return &problem{"is empty", "give a value, or leave the key out for its default"}
	}
	return nil
}

func hostName(s string) *problem {
	switch {
	case s == "":
		return nonEmpty(s)
	case strings.Contains(s, ","):
		return &problem{"is not a host", "the nodes of a cluster have a key of their own, hosts"}
	case strings.Contains(s, "://") || strings.ContainsAny(s, "/@ \t"):
		return &problem{"is not a host", "give only the host's name or address"}
	case strings.ContainsAny(s, "[]"):
		return &problem{"is not a host", "write an IPv6 address without brackets"}
	case strings.Contains(s, ":") && net.ParseIP(s) == nil:
		return &problem{"is not a host", "the port has a key of its own, port"}
	}
	return nil
}

func baseURL(s string) *problem {
	if s == "" {
		return nil // derived from host and port
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" ||
		u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return &problem{"is not a base URL", "use a form such as http://cloud.example:9001, without user, query or fragment"}
	}
	return nil
}

// databaseValue is not shown when it is refused: it may hold a password.
type databaseValue struct{ stringValue }

// databaseURL keeps passwords out of a setting that is shown.
func databaseURL(s string) *problem {
	if s == "" {
		return nil // SQLite
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Fragment != "" {
		return &problem{"is not the URL of a PostgreSQL database", "use a form such as postgres://agata@host:5432/agata"}
	}
	if _, has := u.User.Password(); has || u.Query().Has("password") {
		return &problem{"holds a password, which would be shown", "write it to a file and name that by server.store.password_file"}
	}
	return nil
}

// userID guards the identifier's use as a file name, <work>/client_info/<id>_info.json.
func userID(s string) *problem {
	if p := nonEmpty(s); p != nil {
		return p
	}
	if len(s) > 128 || strings.ContainsAny(s, `/\`) || filepath.Base(s) != s || s == "." || s == ".." {
		return &problem{"cannot be a client's identifier", `use up to 128 bytes without "/" and "\"`}
	}
	return nil
}
