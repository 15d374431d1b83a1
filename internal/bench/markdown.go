package bench

import (
	"fmt"
	"strings"
)

// Markdown is a result as docs/benchmarks.md shows it.
func (r Result) Markdown(e Environment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    %s\n\n%s\n\n", e.Command, r.About)
	for _, t := range r.Tables() {
		t.markdown(&b)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%s\n\n", n)
	}
	fmt.Fprintf(&b, "Medians of the rounds, and in brackets the least and the most of them. %s; %d cores (%s), %s, %s, %s; load average %s at the begin and %s at the end.",
		e.Began.Format("2006-01-02"), e.Cores, e.Processor, e.Kernel, e.Go, strings.Join(e.Brokers, ", "), e.LoadBegin, e.LoadEnd)
	if e.Commit != "" {
		fmt.Fprintf(&b, " Commit %s.", e.Commit)
	}
	b.WriteByte('\n')
	return b.String()
}

func (t Table) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "**%s**\n\n", t.Title)
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + strings.ReplaceAll(c, "|", "\\|") + " ")
		}
		b.WriteString("|\n")
	}
	line(t.Head)
	b.WriteString(strings.Repeat("|---", len(t.Head)) + "|\n")
	for _, row := range t.Rows {
		line(row)
	}
	b.WriteByte('\n')
}

// begins and ends mark a section that results fill.
func begins(bench string) string {
	return "<!-- bench " + bench + ": written by agata bench report -->\n"
}

const ends = "<!-- /bench -->"

// Fill writes the results of reports into the sections of a page that are marked for
// their benches. A bench without a section is an error.
func Fill(page string, reports ...*Report) (string, error) {
	for _, report := range reports {
		for _, r := range report.Results {
			mark := begins(r.Bench)
			before, rest, found := strings.Cut(page, mark)
			_, after, ended := strings.Cut(rest, ends)
			if !found || !ended {
				return "", fmt.Errorf("the page has no section for the bench %s: put the lines %q and %q where it belongs", r.Bench, strings.TrimSpace(mark), ends)
			}
			page = before + mark + "\n" + r.Markdown(report.Environment) + "\n" + ends + after
		}
	}
	return page, nil
}
