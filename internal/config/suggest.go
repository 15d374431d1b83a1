package config

import (
	"fmt"
	"strings"
)

// nearest returns the candidate that a person most likely meant by word, or ""
// when none is close: at most a third of the letters may differ, and at least
// one may always.
func nearest(word string, candidates []string) string {
	best, bestDistance := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours each cost one.
func distance(a, b string) int {
	// Names are short; a longer word resembles none, and must cost no time.
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

func (l *loader) sectionHint(name string) string {
	if name == "DEFAULT" {
		return "sections do not inherit here; put each key into its own section"
	}
	if near := nearest(strings.TrimSpace(name), l.sections()); near != "" {
		return fmt.Sprintf("did you mean [%s]?", near)
	}
	return "the sections are " + strings.Join(l.sections(), ", ")
}

// keyHint suggests a key of the same section by likeness, or of any section when
// the section is unknown, else the sections that have a key of this very name.
func (l *loader) keyHint(full string) string {
	i := strings.LastIndexByte(full, '.')
	section, key := full[:max(i, 0)], full[i+1:]
	var same, keys, all []string
	for _, f := range l.table {
		all = append(all, f.name)
		if f.section() == section {
			keys = append(keys, f.key())
		}
		if f.key() == key {
			same = append(same, "["+f.section()+"]")
		}
	}
	if near := nearest(key, keys); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if near := nearest(full, all); near != "" && len(keys) == 0 {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if len(same) > 0 {
		return fmt.Sprintf("%s is a key of %s", key, strings.Join(same, ", "))
	}
	if len(keys) > 0 {
		return "the keys of the section are " + strings.Join(keys, ", ")
	}
	return "agata doctor --settings lists them"
}
