package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	s := Secret("hunter2")
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", s)
		fmt.Fprintf(&b, verb+"\n", Broker{Password: s})
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("broker", "password", s, "broker", Broker{Password: s})
	slog.New(slog.NewJSONHandler(&b, nil)).Info("broker", "password", s, "broker", Broker{Password: s})
	if err := json.NewEncoder(&b).Encode(Broker{Password: s}); err != nil {
		t.Fatal(err)
	}
	if out := b.String(); strings.Contains(out, "hunter2") || strings.Contains(out, "68756e74") {
		t.Errorf("the secret shows:\n%s", out)
	}
	if s.Reveal() != "hunter2" || s.String() != mask || Secret("").String() != "" {
		t.Errorf("Reveal %q, String %q, empty %q", s.Reveal(), s.String(), Secret("").String())
	}
}

func TestBrokerURL(t *testing.T) {
	b := Broker{Host: "::1", Port: 5672, User: "a b", Password: "p@ss/word", VHost: "/"}
	if secure := (Broker{Host: "h", Port: 1, TLS: true}); !strings.HasPrefix(secure.URL(), "amqps://") {
		t.Errorf("by TLS: %s", secure.URL())
	}
	if got, want := b.URL(), "amqp://a%20b:p%40ss%2Fword@[::1]:5672/%2F"; got != want {
		t.Errorf("URL = %s, want %s", got, want)
	}
}
