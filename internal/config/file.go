package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/ini.v1"
)

const maxFileBytes = 1 << 20

// entry is one key=value line of config.ini.
type entry struct {
	section, key, value string
	source              Source
}

// parseFile reads the bytes of a config.ini. ini.v1 reads the values; the scan
// before it finds line numbers, which ini.v1 does not keep, and refuses what
// ini.v1 and Python's configparser would read differently, so that ini.v1 sees
// only clean lines and every bad line is reported, not just the first.
func parseFile(path string, data []byte) (entries []entry, sections []entry, errs []*ConfigError) {
	if len(data) > maxFileBytes {
		return nil, nil, []*ConfigError{{Source: Source{Kind: FromFile, Name: path},
			Problem: fmt.Sprintf("the file is larger than %d bytes", maxFileBytes), Hint: "is it a configuration at all?"}}
	}
	s := scanner{path: path, seen: map[string]int{}}
	for text := range strings.SplitSeq(string(data), "\n") {
		s.line++
		s.scan(strings.TrimSuffix(text, "\r"))
	}

	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreInlineComment: true, IgnoreContinuation: true, PreserveSurroundedQuote: true,
	}, s.clean.Bytes())
	if err != nil {
		s.fail("", "", "cannot be read", err.Error())
		return nil, s.sections, s.errs
	}
	for _, e := range s.entries {
		raw := file.Section(e.section).Key(e.key).Value()
		v, bad := unescape(raw)
		if bad != nil {
			s.errs = append(s.errs, &ConfigError{Section: e.section, Key: e.key, Source: e.source, Problem: bad.what, Hint: bad.hint})
			continue
		}
		e.value = v
		entries = append(entries, e)
	}
	return entries, s.sections, s.errs
}

type scanner struct {
	path     string
	line     int
	section  string         // empty before the first one
	indent   int            // of the last key or section
	afterKey bool           // a deeper line would continue that key's value
	seen     map[string]int // "[section]" and "section.key" -> line
	entries  []entry
	sections []entry // one for each header, without key
	clean    bytes.Buffer
	errs     []*ConfigError
}

var keyName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func (s *scanner) scan(raw string) {
	text := strings.TrimSpace(raw)
	switch {
	case strings.HasPrefix(raw, "\uFEFF"):
		s.fail("", "", "the line begins with a byte order mark", "save the file as UTF-8 without one")
	case !utf8.ValidString(raw) || strings.ContainsFunc(raw, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }):
		s.fail("", "", "the line holds bytes that are not text", "save the file as plain UTF-8")
	case text == "" || text[0] == '#' || text[0] == ';':
		return
	case s.afterKey && indentOf(raw) > s.indent:
		s.fail("", "", "the line is indented deeper than the key above, so that Python reads it as a part of that key's value",
			"remove the indentation")
	case text[0] == '[':
		s.indent, s.afterKey = indentOf(raw), false
		s.header(text)
	default:
		s.indent = indentOf(raw)
		s.option(text)
	}
}

func (s *scanner) header(text string) {
	end := strings.LastIndexByte(text, ']')
	if end != len(text)-1 || end < 2 {
		s.fail("", "", fmt.Sprintf("%q is not a section", clip(text)), "write [name] alone on its line; comments have lines of their own")
	}
	if end < 0 {
		end = len(text)
	}
	s.section = text[1:end] // also after an error, so that the keys below are not blamed on another section
	if s.section == "" {
		return
	}
	fmt.Fprintf(&s.clean, "[%s]\n", s.section)
	if first := s.seen["["+s.section+"]"]; first > 0 {
		s.fail(s.section, "", fmt.Sprintf("appears twice, first at line %d", first), "merge the two")
		return
	}
	s.seen["["+s.section+"]"] = s.line
	s.sections = append(s.sections, entry{section: s.section, source: s.source()})
}

func (s *scanner) option(text string) {
	i := strings.IndexAny(text, "=:")
	if i < 0 { // only its first word is shown, as the next may be a password
		s.fail(s.section, "", fmt.Sprintf("holds a line that begins with %q and is neither key=value nor [section]",
			clip(strings.Fields(text)[0])), "begin a comment with # or ;")
		return
	}
	key, value := strings.ToLower(strings.TrimSpace(text[:i])), strings.TrimSpace(text[i+1:])
	s.afterKey = true
	full := s.section + "." + key
	switch {
	case key == "":
		s.fail(s.section, "", "holds a line without a key", "write key=value")
	case s.section == "":
		s.fail("", clip(key), "stands before any section", "put it below its [section]")
	case !keyName.MatchString(key):
		s.fail(s.section, clip(key), "is not a key", "keys have letters, digits and _")
	case s.seen[full] > 0:
		s.fail(s.section, key, fmt.Sprintf("appears twice, first at line %d", s.seen[full]), "keep one")
	default:
		s.seen[full] = s.line
		s.entries = append(s.entries, entry{section: s.section, key: key, source: s.source()})
		// ini.v1 would take these openings for its own quotes, which Python does
		// not know; one more pair makes it return the value as it stands.
		if strings.HasPrefix(value, "`") || strings.HasPrefix(value, `"""`) {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&s.clean, "%s=%s\n", key, value)
	}
}

func (s *scanner) source() Source { return Source{Kind: FromFile, Name: s.path, Line: s.line} }

func (s *scanner) fail(section, key, what, hint string) {
	s.errs = append(s.errs, &ConfigError{Section: section, Key: key, Source: s.source(), Problem: what, Hint: hint})
}

func indentOf(raw string) int { return len(raw) - len(strings.TrimLeftFunc(raw, unicode.IsSpace)) }

func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "..."
	}
	return s
}

// unescape undoes the one escape of Python's configparser, %% for %. Its
// substitution %(name)s is refused, as sections here do not refer to others; a
// lone % is itself.
func unescape(s string) (string, *problem) {
	if strings.Contains(strings.ReplaceAll(s, "%%", ""), "%(") {
		return "", &problem{"holds a %(name)s substitution, which is not supported", "write the value out, or %% for a percent sign"}
	}
	return strings.ReplaceAll(s, "%%", "%"), nil
}

func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }
