package launch

import "testing"

func TestPlain(t *testing.T) {
	for line, want := range map[string]string{
		"plain":                            "plain",
		"\x1b[92mINFO \x1b[0m: Sent reply": "INFO : Sent reply",
		"\x1b[38;5;12mblue\x1b[m \x1b[2K\x1b[1A!":  "blue !",
		"\x1b]0;title\x07after":                    "after",
		"\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\": "link",
		"a\tb\x00\x07c\r":                          "a\tbc",
		"\xff\xfe":                                 "\uFFFD",
		"round 3 \u2713":                           "round 3 \u2713",
		"half \x1b":                                "half ",
	} {
		if got := Plain(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}
