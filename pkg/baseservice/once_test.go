package baseservice

import (
	"fmt"
	"testing"
	"time"
)

func TestAnswersAreRememberedForAWhile(t *testing.T) {
	var table answers
	now := time.Unix(0, 0)
	a, first := table.enter("x", now)
	if !first {
		t.Fatal("a new call was taken for a repeated one")
	}
	if b, first := table.enter("x", now.Add(rememberFor)); first || b != a {
		t.Error("a repeated call was taken for a new one")
	}
	if _, first := table.enter("x", now.Add(rememberFor+time.Second)); !first {
		t.Error("an old answer was kept")
	}
	for i := range 2 * maxRemembered {
		table.enter(fmt.Sprint(i), now.Add(rememberFor+time.Second))
	}
	if len(table.byID) > maxRemembered || len(table.order) > maxRemembered {
		t.Errorf("%d answers are kept, more than %d", len(table.byID), maxRemembered)
	}
}
