package httpx

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLarge(t *testing.T) {
	l := NewLarge(1)
	enter := func(size int64) (func(), bool) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", 10)))
		r.ContentLength = size
		return l.Enter(httptest.NewRecorder(), r)
	}
	leave, ok := enter(smallBody + 1)
	if !ok {
		t.Fatal("the first one found no place")
	}
	for _, size := range []int64{-1, smallBody + 1} {
		if _, ok := enter(size); ok {
			t.Errorf("a body of %d bytes found a place that was taken", size)
		}
	}
	if small, ok := enter(smallBody); !ok {
		t.Error("a small body needed a place")
	} else {
		small()
	}
	leave()
	if _, ok := enter(-1); !ok {
		t.Error("a place was not given back")
	}
}
