package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// loader collects, key by key, what the strongest layer says.
type loader struct {
	table []field
	won   map[string]entry // by "section.key"
	attrs []string         // full names of the further attributes, in order
	errs  []*ConfigError
}

func newLoader(user string) *loader {
	l := &loader{table: fields(), won: map[string]entry{}}
	for _, f := range l.table {
		e := entry{section: f.section(), key: f.key(), value: f.def, source: Source{Kind: FromDefault}}
		if f.name == infoSection+".user_id" {
			e.value = user
		}
		l.won[f.name] = e
	}
	return l
}

func (l *loader) readFile(path string, data []byte) {
	entries, sections, errs := parseFile(path, data)
	l.errs = append(l.errs, errs...)
	known := l.sections()
	for _, s := range sections {
		if !slices.Contains(known, s.section) {
			l.fail(s, problem{"is not known", l.sectionHint(s.section)})
		}
	}
	for _, e := range entries {
		if slices.Contains(known, e.section) {
			l.put(e)
		}
	}
}

// readEnv takes AGATA_SECTION_KEY. A variable that names a section but no key
// of it, or that is nearly a known one, is a mistake; others under AGATA_ are
// someone else's, such as what task processes get.
func (l *loader) readEnv(environ []string) {
	byEnv := map[string]field{}
	for _, f := range l.table {
		byEnv[f.env()] = f
	}
	names := slices.Sorted(maps.Keys(byEnv))
	for _, kv := range slices.Sorted(slices.Values(environ)) {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || !strings.HasPrefix(name, "AGATA_") {
			continue
		}
		source := Source{Kind: FromEnv, Name: name}
		if f, ok := byEnv[name]; ok {
			l.put(entry{section: f.section(), key: f.key(), value: value, source: source})
			continue
		}
		if key, ok := strings.CutPrefix(name, envName(infoSection)+"_"); ok {
			l.put(entry{section: infoSection, key: strings.ToLower(key), value: value, source: source})
			continue
		}
		near := ""
		if d := nearest(name, names); d != "" && distance(name, d) <= 2 {
			near = fmt.Sprintf("did you mean %s?", d)
		}
		ofSection := slices.ContainsFunc(l.sections(), func(s string) bool { return strings.HasPrefix(name, envName(s)+"_") })
		if near != "" || ofSection {
			l.fail(entry{source: source}, problem{"is not a setting", cmp.Or(near, "unset it; agata doctor --settings lists them")})
		}
	}
}

func (l *loader) readFlags(overrides map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		e := entry{value: overrides[name], source: Source{Kind: FromFlag}}
		i := strings.LastIndexByte(name, '.')
		if i < 0 || !slices.Contains(l.sections(), name[:i]) {
			e.key = name
			l.fail(e, problem{"is not a setting", l.keyHint(name)})
			continue
		}
		e.section, e.key = name[:i], strings.ToLower(name[i+1:])
		l.put(e)
	}
}

// put records an entry of a known section over what weaker layers said.
func (l *loader) put(e entry) {
	full := e.section + "." + e.key
	if _, ok := l.won[full]; !ok {
		if e.section != infoSection {
			l.fail(e, problem{"is not known", l.keyHint(full)})
			return
		}
		l.attrs = append(l.attrs, full)
	}
	l.won[full] = e
}

func (l *loader) fail(e entry, p problem) {
	l.errs = append(l.errs, &ConfigError{Section: e.section, Key: e.key, Source: e.source, Problem: p.what, Hint: p.hint})
}

func (l *loader) failValue(e entry, p problem) {
	if e.value == "" && !strings.HasPrefix(p.what, "is empty") {
		p.what = "is empty, which " + p.what
	}
	l.errs = append(l.errs, &ConfigError{Section: e.section, Key: e.key, Value: e.value, Source: e.source, Problem: p.what, Hint: p.hint})
}

func (l *loader) sections() []string {
	var names []string
	for _, f := range l.table {
		if s := f.section(); !slices.Contains(names, s) {
			names = append(names, s)
		}
	}
	return names
}
