package history

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"testing"
)

func TestAnswersAreRememberedForADay(t *testing.T) {
	now := &clock{noon}
	s := open(t, Options{Now: now.now})
	a := Answer{Fingerprint: "f", Status: 201, Header: map[string]string{"Location": "/x"}, Body: []byte(`{"a":1}`)}
	if err := s.Remember(t.Context(), "k", a); err != nil {
		t.Fatal(err)
	}
	if err := s.Remember(t.Context(), "k", Answer{Status: 500}); err != nil { // the first one stays
		t.Fatal(err)
	}
	if err := s.Remember(t.Context(), "empty", Answer{Status: 204}); err != nil {
		t.Fatal(err)
	}
	now.at += keepAnswers - 1
	got, found, err := s.Remembered(t.Context(), "k")
	if err != nil || !found || got.Fingerprint != "f" || got.Status != 201 || !maps.Equal(got.Header, a.Header) || !bytes.Equal(got.Body, a.Body) {
		t.Errorf("%+v, %v, %v", got, found, err)
	}
	if got, found, err := s.Remembered(t.Context(), "empty"); err != nil || !found || got.Status != 204 || len(got.Body) != 0 {
		t.Errorf("an answer without a body: %+v, %v, %v", got, found, err)
	}
	now.at++
	if _, found, err := s.Remembered(t.Context(), "k"); found || err != nil {
		t.Errorf("after a day: %v, %v", found, err)
	}
	if err := s.Remember(t.Context(), "k", Answer{Status: 500}); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.Remembered(t.Context(), "k"); err != nil || got.Status != 500 {
		t.Errorf("a new day's answer: %+v, %v", got, err)
	}
	now.at += keepAnswers
	prune(t, s)
	if n := count(t, s, "answers"); n != 0 {
		t.Errorf("%d answers are left", n)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	s := open(t, Options{})
	if err := s.Remember(t.Context(), "k", Answer{Body: make([]byte, maxAnswerBytes)}); !errors.Is(err, ErrAnswerTooLarge) {
		t.Errorf("a large answer: %v", err)
	}
	large := make([]byte, maxAnswerBytes-100)
	for n := range 70 {
		if err := s.Remember(t.Context(), fmt.Sprint(n), Answer{Body: large}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, "answers"); n < 60 || n > 64 {
		t.Errorf("%d answers of 1 MiB are left, want 64 MiB", n)
	}
	for n, want := range map[int]bool{0: false, 69: true} {
		if _, found, err := s.Remembered(t.Context(), fmt.Sprint(n)); err != nil || found != want {
			t.Errorf("answer %d: %v, %v", n, found, err)
		}
	}
}
