package config

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Describe writes a table of every key, its value in effect and where that came
// from; secrets are masked.
func (c *Config) Describe(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprint(t, "KEY\tVALUE\tSOURCE\n")
	last := ""
	for _, f := range fields() {
		if last == infoSection && f.section() != last {
			c.describeAttributes(t)
		}
		last = f.section()
		v := f.value(c)
		text := v.text()
		if s, ok := v.(secretValue); ok {
			text = s.p.String()
		}
		if text == "" && f.shown != nil {
			text = f.shown(c)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.name, text, c.sources[f.name])
	}
	fmt.Fprintf(t, "data folder\t%s\t\n", c.Data)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("describe the configuration: %w", err)
	}
	return nil
}

func (c *Config) describeAttributes(w io.Writer) {
	for _, a := range c.Info.Attributes {
		name := infoSection + "." + a.Name
		fmt.Fprintf(w, "%s\t%s\t%s\n", name, a.raw, c.sources[name])
	}
}
