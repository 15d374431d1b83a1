package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/agata-fl/agata/internal/database"
)

const (
	defaultBuckets, maxBuckets = 200, 500
	defaultLanes, maxLanes     = 50, 500
	// maxRaw is how many events are counted one by one.
	maxRaw = 100_000
)

// Density tells when how many events were.
type Density struct {
	// From and To are the edges of the buckets, in unix seconds: where counts are
	// kept by the minute or coarser, somewhat wider than what was asked for.
	From          float64 `json:"from"`
	To            float64 `json:"to"`
	BucketSeconds float64 `json:"bucket_seconds"`
	Lanes         []Lane  `json:"lanes"`       // those with the most events, the largest first
	OtherLanes    int     `json:"other_lanes"` // how many there are besides
	Total         int64   `json:"total"`       // of all lanes
	// Partial tells that the range has more events than are searched one by one,
	// and that the counts are of its newest ones.
	Partial bool `json:"partial,omitempty"`
}

// Lane is one line of a [Density]: a service, or a client ("" is the cloud).
type Lane struct {
	Name   string  `json:"name"`
	Total  int64   `json:"total"`
	Counts []int64 `json:"counts"` // by bucket
}

// The lanes of a [Density].
const (
	ByService = "service"
	ByClient  = "client"
)

// Density counts the events of a filter by service or by client, in at most
// buckets parts (0 means 200; up to 500) of the filter's range, for at most lanes
// lanes (0 means 50; up to 500). A range without bounds is from the first event
// to the last, those aside whose clocks are far off.
func (s *Store) Density(ctx context.Context, f Filter, by string, buckets, lanes int) (Density, error) {
	if by != ByService && by != ByClient {
		return Density{}, fmt.Errorf("events are counted by service or by client, not by %q", by)
	}
	t := tally{byClient: by == ByClient, buckets: bound(buckets, defaultBuckets, maxBuckets)}
	err := s.db.View(ctx, func(q database.Querier) error {
		p, ok, err := s.plan(ctx, q, &f)
		if err != nil || !ok {
			return err
		}
		if f.From == 0 || f.To == 0 {
			first, last, err := s.span(ctx, q, p)
			if err != nil || last == 0 {
				return err
			}
			f.From, f.To = cmp.Or(f.From, first), cmp.Or(f.To, last)
		}
		f.From, f.To = max(f.From, year2000), min(f.To, year2100)
		if f.To < f.From {
			return nil
		}
		width, err := s.width(ctx, q, p, &f, t.buckets)
		if err != nil {
			return err
		}
		if width == 0 {
			return t.events(ctx, q, p, &f)
		}
		return t.cells(ctx, q, s.names, &f, width)
	})
	if err != nil {
		return Density{}, fmt.Errorf("count events: %w", err)
	}
	return t.result(s.names, bound(lanes, defaultLanes, maxLanes)), nil
}

func bound(n, otherwise, most int) int {
	if n <= 0 {
		return otherwise
	}
	return min(n, most)
}

// width is that of the cells to add up; 0 means to count the events themselves.
func (s *Store) width(ctx context.Context, q database.Querier, p *scan, f *Filter, buckets int) (int64, error) {
	if f.Execution != "" || f.Function != "" || f.Text != "" {
		return 0, nil // cells know nothing of these
	}
	for _, w := range slices.Backward(widths[:]) {
		if (f.To-f.From)/float64(buckets) >= float64(w) {
			return w, nil
		}
	}
	var n int
	err := q.QueryRowContext(ctx, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM events%s WHERE %s AND time >= ? AND time <= ? LIMIT %d) AS few",
		p.index, &p.in, maxRaw+1), append(slices.Clone(p.in.args), f.From, f.To)...).Scan(&n)
	if n > maxRaw {
		return widths[0], err
	}
	return 0, err
}

// span returns the first and the last time of a scan; 0 and 0 if there is none.
// Times that no event of this history can have are only taken if there are no others.
func (s *Store) span(ctx context.Context, q database.Querier, p *scan) (first, last float64, err error) {
	now := s.now()
	for _, window := range [][2]float64{{now - s.opt.Retention.Seconds() - ahead, now + ahead}, {year2000, year2100}} {
		for order, to := range map[string]*float64{"ASC": &first, "DESC": &last} {
			err := q.QueryRowContext(ctx, fmt.Sprintf("SELECT time FROM events%s WHERE %s AND time >= ? AND time <= ? ORDER BY time %s LIMIT 1",
				p.index, &p.in, order), append(slices.Clone(p.in.args), window[0], window[1])...).Scan(to)
			if ignoreNoRows(err) != nil {
				return 0, 0, err
			}
		}
		if last != 0 {
			break
		}
	}
	return first, last, nil
}
