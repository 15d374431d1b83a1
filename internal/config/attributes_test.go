package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAttribute(t *testing.T) {
	for in, want := range map[string]any{
		"":                    "",
		"4":                   int64(4),
		"-4":                  int64(-4),
		"0.5":                 0.5,
		"1e3":                 1000.0,
		"007":                 "007",
		"+5":                  "+5",
		"0x10":                "0x10",
		"1_000":               "1_000",
		"nan":                 "nan",
		"inf":                 "inf",
		"1e999":               "1e999",
		"9223372036854775808": 9223372036854775808.0,
		"True":                true,
		"false":               false,
		"yes":                 "yes",
		"a,b":                 []string{"a", "b"},
		" a , ,1":             []string{"a", "1"},
		",":                   []string{},
		"Rio de Janeiro":      "Rio de Janeiro",
	} {
		if diff := cmp.Diff(want, parseAttribute(in)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}
