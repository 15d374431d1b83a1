package config

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"host", "port", "password", "request_interval"}
	for in, want := range map[string]string{
		"prot": "port", "hots": "host", "PORT": "port", "pasword": "password", "requestinterval": "request_interval",
		"zzzz": "", "": "", "interval": "",
	} {
		if got := nearest(in, words); got != want {
			t.Errorf("nearest(%q) = %q, want %q", in, got, want)
		}
	}
}
