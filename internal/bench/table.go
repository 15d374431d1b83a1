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
		all = append(all, g.tables()...)
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

// tables are one of figures, with a column for each that any of the variants has, in
// the order in which they come, and one of single times.
func (g Group) tables() (all []Table) {
	figures := Table{Title: g.Name, Head: []string{""}}
	spreads := Table{Title: g.Name, Head: []string{"", "p50, ms", "p90, ms", "p99, ms", "max, ms", "n"}}
	columns := map[string]int{}
	for _, v := range g.Variants {
		row := []string{v.Name}
		if v.LeftOut != "" {
			row[0] += " (left out: " + v.LeftOut + ")"
		}
		for _, f := range v.Figures {
			head := f.Name + ", " + f.Unit
			i, known := columns[head]
			if !known {
				i = len(figures.Head)
				columns[head], figures.Head = i, append(figures.Head, head)
			}
			for len(row) <= i {
				row = append(row, "")
			}
			row[i] = fmt.Sprintf("%s (%s to %s)", number(f.Median), number(f.Min), number(f.Max))
		}
		if len(row) > 1 || v.LeftOut != "" {
			figures.Rows = append(figures.Rows, row)
		}
		for _, s := range v.Spreads {
			spreads.Rows = append(spreads.Rows, []string{v.Name + ": " + s.Name, number(s.P50), number(s.P90), number(s.P99), number(s.Max), strconv.Itoa(s.N)})
		}
	}
	for i := range figures.Rows {
		for len(figures.Rows[i]) < len(figures.Head) {
			figures.Rows[i] = append(figures.Rows[i], "")
		}
	}
	for _, t := range []Table{figures, spreads} {
		if len(t.Rows) > 0 {
			all = append(all, t)
		}
	}
	return all
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
