package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Table is a group's figures, or the goals, as rows of text.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
}

// Tables are what a result looks like to people: one for each group, and the goals.
func (r Result) Tables() []Table {
	var all []Table
	for _, g := range r.Groups {
		all = append(all, g.table())
	}
	if len(r.Goals) > 0 {
		t := Table{Title: "Goals", Head: []string{"goal", "wanted", "measured", "spread", "met"}}
		for _, g := range r.Goals {
			t.Rows = append(t.Rows, g.row())
		}
		all = append(all, t)
	}
	return all
}

// table has a column for each figure that any of the variants has, in the order in
// which they come.
func (g Group) table() Table {
	t := Table{Title: g.Name, Head: []string{""}}
	columns := map[string]int{}
	put := func(row []string, head, text string) []string {
		i, known := columns[head]
		if !known {
			i = len(t.Head)
			columns[head] = i
			t.Head = append(t.Head, head)
		}
		for len(row) <= i {
			row = append(row, "")
		}
		row[i] = text
		return row
	}
	for _, v := range g.Variants {
		row := []string{v.Name}
		if v.LeftOut != "" {
			row[0] += " (left out: " + v.LeftOut + ")"
		}
		for _, f := range v.Figures {
			row = put(row, f.Name+", "+f.Unit, fmt.Sprintf("%s (%s to %s)", number(f.Median), number(f.Min), number(f.Max)))
		}
		for _, s := range v.Spreads {
			for _, q := range []struct {
				name  string
				value float64
			}{{"p50", s.P50}, {"p99", s.P99}, {"max", s.Max}} {
				row = put(row, s.Name+": "+q.name+", ms", number(q.value))
			}
			row = put(row, s.Name+": n", strconv.Itoa(s.N))
		}
		t.Rows = append(t.Rows, row)
	}
	for i := range t.Rows {
		for len(t.Rows[i]) < len(t.Head) {
			t.Rows[i] = append(t.Rows[i], "")
		}
	}
	return t
}

func (g Goal) row() []string {
	sign, met := "at least", "yes"
	if g.Most {
		sign = "at most"
	}
	if !g.Met {
		met = "**no**"
	}
	unit := " " + g.Unit
	if g.Unit == "x" || g.Unit == "" {
		unit = ""
	}
	row := []string{g.What, sign + " " + number(g.Bound) + unit, "", "", met}
	if g.Missing != "" {
		row[2] = g.Missing
		return row
	}
	row[2] = number(g.Got) + unit
	row[3] = number(g.Low) + " to " + number(g.High)
	return row
}

// number tells a figure by three digits, and large ones with commas.
func number(x float64) string {
	if a := math.Abs(x); a < 100 && a != math.Trunc(a) {
		digits := 2
		if a < 1 {
			digits = 3
		}
		return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(x, 'f', digits, 64), "0"), ".")
	}
	text := strconv.FormatFloat(math.Round(x), 'f', 0, 64)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
