package control

import (
	"context"
	"slices"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func offerIDs(list []*Offer) (ids []string) {
	for _, o := range list {
		ids = append(ids, o.Task.ID)
	}
	return ids
}

func TestOffersKeepTheirOrder(t *testing.T) {
	var s Offers
	if len(s.All()) != 0 {
		t.Error("there are offers in the beginning")
	}
	put := func(f func(*Offer), seq int64, id, host string) {
		o, err := NewOffer(seq, contract.OfferedTask{ID: id, Host: host}, "")
		if err != nil {
			t.Fatal(err)
		}
		f(o)
	}
	put(s.Add, 5, "e", "")
	put(s.Add, 1, "a", "")
	put(s.Add, 3, "c", "")
	before := s.All()
	put(s.Add, 3, "c", "again")
	put(s.Replace, 1, "a", "new")
	put(s.Replace, 2, "b", "not on offer")
	s.Remove("e")
	s.Remove("x")
	if got := offerIDs(s.All()); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("offers %v", got)
	}
	if s.All()[0].Task.Host != "new" || s.All()[1].Task.Host != "again" {
		t.Errorf("offers are not as they were put: %+v %+v", s.All()[0].Task, s.All()[1].Task)
	}
	if got := offerIDs(before); !slices.Equal(got, []string{"a", "c", "e"}) || before[0].Task.Host != "" {
		t.Errorf("a list that somebody reads has changed: %v", got)
	}
}

func TestSelect(t *testing.T) {
	var s Offers
	if tasks, err := s.Select(t.Context(), nil); err != nil || tasks == nil || len(tasks) != 0 {
		t.Errorf("of nothing %v is selected, %v", tasks, err)
	}
	for i, criterion := range []string{"n > 1", "unknown == 3", "n > 5", ""} {
		o, err := NewOffer(int64(i), contract.OfferedTask{ID: criterion}, criterion)
		if err != nil {
			t.Fatal(err)
		}
		s.Add(o)
	}
	tasks, err := s.Select(t.Context(), map[string]any{"n": int64(3)})
	if err != nil || len(tasks) != 2 || tasks[0].ID != "n > 1" || tasks[1].ID != "" {
		t.Errorf("selected: %v, %v", tasks, err)
	}
	if _, err := NewOffer(1, contract.OfferedTask{ID: "x"}, "1 +"); err == nil {
		t.Error("a criterion that is no expression is offered")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Select(ctx, nil); err == nil {
		t.Error("a selection that nobody waits for goes on")
	}
}
