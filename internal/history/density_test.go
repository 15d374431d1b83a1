package history

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/pkg/contract"
)

// everything returns all events.
func everything(t *testing.T, s *Store) (all []Entry) {
	t.Helper()
	if err := s.EachEvent(t.Context(), Filter{}, func(e Entry) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// check compares a density with the events themselves.
func check(t *testing.T, s *Store, events []Entry, f Filter, by string, buckets int) Density {
	t.Helper()
	d, err := s.Density(t.Context(), f, by, buckets, maxLanes)
	if err != nil {
		t.Fatal(err)
	}
	within := f
	within.From, within.To = d.From, d.To
	want := map[string][]int64{}
	total := int64(0)
	for _, e := range events {
		if !within.match(&e.Record) {
			continue
		}
		lane := e.Event.Service
		if by == ByClient {
			lane = e.Client
		}
		if want[lane] == nil {
			want[lane] = make([]int64, buckets+1)
		}
		want[lane][min(int((e.Time-d.From)/d.BucketSeconds), buckets)]++
		total++
	}
	if d.Total != total || len(d.Lanes) != len(want) {
		t.Errorf("%+v by %s: %d events in %d lanes, want %d in %d", f, by, d.Total, len(d.Lanes), total, len(want))
	}
	for _, lane := range d.Lanes {
		sum := int64(0)
		for i, n := range lane.Counts {
			sum += n
			// The last moment belongs to the last bucket.
			expected := want[lane.Name][i]
			if i == len(lane.Counts)-1 && i+1 < len(want[lane.Name]) {
				expected += want[lane.Name][i+1]
			}
			if n != expected {
				t.Errorf("%+v by %s, lane %s, bucket %d: %d, want %d", f, by, lane.Name, i, n, expected)
			}
		}
		if sum != lane.Total || len(lane.Counts) > buckets {
			t.Errorf("lane %s has %d in %d buckets, and says %d", lane.Name, sum, len(lane.Counts), lane.Total)
		}
	}
	if len(d.Lanes) > 0 && f.From != 0 && (d.From > f.From || d.To < f.To) {
		t.Errorf("asked for %f to %f, got %f to %f", f.From, f.To, d.From, d.To)
	}
	return d
}

func TestDensityCountsWhatIsThere(t *testing.T) {
	now := &clock{noon}
	s := open(t, Options{Now: now.now})
	random := rand.New(rand.NewPCG(1, 1))
	const day = 24 * 60 * 60
	for range 40 { // more batches than a cell has parts
		var records []contract.Record
		for range 20 {
			after := -random.Float64() * 20 * day
			if random.IntN(2) == 0 {
				after = -random.Float64() * 1800
			}
			records = append(records, event(after, []string{"", "u1", "u2", "u3"}[random.IntN(4)], fmt.Sprint("s", random.IntN(3)), []string{"", "t1", "t2"}[random.IntN(3)], "x"))
		}
		add(t, s, 20, records...)
		add(t, s, 0, records...) // what comes twice counts once
	}
	verify := func(t *testing.T) {
		all := everything(t, s)
		for _, by := range []string{ByService, ByClient} {
			for _, f := range []Filter{{}, {Client: "u1"}, {Service: "s1"}, {Task: "t1"}, {Cloud: true}, {Task: "t2", Client: "u2", Service: "s2"}, {Function: "f"}} {
				for _, span := range []float64{0, 60, 1000, day / 4, 3 * day, 20 * day} {
					for _, buckets := range []int{1, 7, 200} {
						f := f
						if span != 0 {
							f.From, f.To = noon-span-0.5, noon-0.5
						}
						check(t, s, all, f, by, buckets)
					}
				}
			}
		}
	}
	t.Run("added", verify)
	t.Run("pruned", func(t *testing.T) {
		s.opt.MaxEvents = 321
		if err := s.prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := check(t, s, everything(t, s), Filter{}, ByService, 100); d.Total != 321 {
			t.Errorf("%d are left, want 321", d.Total)
		}
		verify(t)
	})
	t.Run("gone", func(t *testing.T) {
		now.at += DefaultRetention.Seconds() + 1
		if err := s.prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		var cells int
		if err := s.db.View(t.Context(), func(q database.Querier) error {
			return q.QueryRowContext(t.Context(), "SELECT count(*) FROM density").Scan(&cells)
		}); err != nil || cells != 0 {
			t.Errorf("%d cells are left, %v", cells, err)
		}
	})
}

func TestDensityOfLanes(t *testing.T) {
	s := open(t, Options{})
	for n := range 10 {
		for range n + 1 {
			add(t, s, 1, event(float64(-n), fmt.Sprint("u", n), "s", "", "x"))
		}
	}
	d, err := s.Density(t.Context(), Filter{}, ByClient, 0, 3)
	if err != nil || len(d.Lanes) != 3 || d.OtherLanes != 7 || d.Total != 55 || d.Lanes[0].Name != "u9" || d.Lanes[0].Total != 10 {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := s.Density(t.Context(), Filter{}, "task", 0, 0); err == nil {
		t.Error("a lane that does not exist was taken")
	}
	d, err = open(t, Options{}).Density(t.Context(), Filter{}, ByClient, 0, 0)
	if err != nil || d.Total != 0 || d.Lanes == nil {
		t.Errorf("of nothing: %+v, %v", d, err)
	}
}

// A clock that is far off must not stretch everybody's timeline.
func TestDensityPassesOverWrongClocks(t *testing.T) {
	s := open(t, Options{})
	early, late := event(0, "u1", "s", "", "x"), event(0, "u2", "s", "", "x")
	early.Time, late.Time = year2000+1, year2100-1
	add(t, s, 4, early, late, event(-100, "u3", "s", "", "x"), event(0, "u3", "s", "", "x"))
	d, err := s.Density(t.Context(), Filter{}, ByClient, 0, 0)
	if err != nil || d.Total != 2 || d.To-d.From > 200 {
		t.Errorf("%d events from %f to %f, %v", d.Total, d.From, d.To, err)
	}
	st, err := s.Stats(t.Context())
	if err != nil || st.Events != 4 || st.First != noon-100 || st.Last != noon {
		t.Errorf("%+v, %v", st, err)
	}
	// They are there for who asks.
	d, err = s.Density(t.Context(), Filter{From: year2000, To: year2100}, ByClient, 0, 0)
	if err != nil || d.Total != 4 || len(d.Lanes[0].Counts) > defaultBuckets {
		t.Errorf("%d events, %v", d.Total, err)
	}
	if d, err = s.Density(t.Context(), Filter{Client: "u1"}, ByClient, 0, 0); err != nil || d.Total != 1 {
		t.Errorf("of the client: %d events, %v", d.Total, err)
	}
}

func FuzzDecodeCell(f *testing.F) {
	f.Add(cell{{1, 2, 3}: 4, {1, 2, 4}: -1}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		c := cell{}
		if decodeCell(b, func(t triple, n int64) { c[t] += n }) != nil {
			return
		}
		again := cell{}
		if err := decodeCell(c.encode(), func(t triple, n int64) { again[t] += n }); err != nil {
			t.Fatal(err)
		}
		for k, n := range c {
			if n != again[k] {
				t.Errorf("%v: %d came back as %d", k, n, again[k])
			}
		}
	})
}
