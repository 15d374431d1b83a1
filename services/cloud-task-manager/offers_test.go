package cloudtaskmanager

import (
	"slices"
	"testing"
)

func ids(list []*offer) (ids []string) {
	for _, o := range list {
		ids = append(ids, o.task.ID)
	}
	return ids
}

func TestOffersKeepTheirOrder(t *testing.T) {
	var s offers
	if len(s.all()) != 0 {
		t.Error("there are offers in the beginning")
	}
	put := func(f func(*offer), seq int64, id, host string) {
		o, err := newOffer(&task{seq: seq, id: id, host: host})
		if err != nil {
			t.Fatal(err)
		}
		f(o)
	}
	put(s.add, 5, "e", "")
	put(s.add, 1, "a", "")
	put(s.add, 3, "c", "")
	before := s.all()
	put(s.add, 3, "c", "again")
	put(s.replace, 1, "a", "new")
	put(s.replace, 2, "b", "not on offer")
	s.remove("e")
	s.remove("x")
	if got := ids(s.all()); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("offers %v", got)
	}
	if s.all()[0].task.Host != "new" || s.all()[1].task.Host != "again" {
		t.Errorf("offers are not as they were put: %+v %+v", s.all()[0].task, s.all()[1].task)
	}
	if got := ids(before); !slices.Equal(got, []string{"a", "c", "e"}) || before[0].task.Host != "" {
		t.Errorf("a list that somebody reads has changed: %v", got)
	}
}
