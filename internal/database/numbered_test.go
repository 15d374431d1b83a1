package database

import "testing"

func TestNumbered(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT 1":                       "SELECT 1",
		"a = ? AND b = ?":                "a = $1 AND b = $2",
		"(?1, ?2, ?2, ?)":                "($1, $2, $2, $3)",
		"?12 ?":                          "$12 $13",
		"a = '?''?' AND b = ?":           "a = '?''?' AND b = $1",
		`"?" = ?`:                        `"?" = $1`,
		"a = ? -- really?\nAND b = ?":    "a = $1 -- really?\nAND b = $2",
		"x LIKE ? ESCAPE '\\' AND y = ?": "x LIKE $1 ESCAPE '\\' AND y = $2",
		"an open 'quote ?":               "an open 'quote ?",
		"a comment -- ?":                 "a comment -- ?",
		"é = ?":                          "é = $1",
		"?99999999999999999999999999 is no place": "$1 is no place",
	} {
		if got := numbered(query); got != want {
			t.Errorf("numbered(%q) = %q, want %q", query, got, want)
		}
	}
}

func FuzzNumbered(f *testing.F) {
	f.Add("a = ? AND b = ?2 -- ?")
	f.Add(`'" ? "' "'?"`)
	f.Fuzz(func(t *testing.T, query string) {
		if once := numbered(query); numbered(once) != once {
			t.Errorf("%q became %q, and that %q", query, once, numbered(once))
		}
	})
}
