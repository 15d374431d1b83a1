package history

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/agata-fl/agata/internal/database"
)

// tally counts events by lane and bucket.
type tally struct {
	byClient       bool
	buckets        int
	from, to, each float64
	samples        []sample
	partial        bool
}

// sample is how many events a lane had in a bucket; a pair may have several.
type sample struct {
	lane   int64 // the number of its name
	n      int64
	bucket int32
}

func (t *tally) add(lane, n int64, bucket int) {
	if last := len(t.samples) - 1; last >= 0 && t.samples[last].lane == lane && t.samples[last].bucket == int32(bucket) {
		t.samples[last].n += n
		return
	}
	t.samples = append(t.samples, sample{lane, n, int32(bucket)})
}

// cells adds up the cells that the range touches.
func (t *tally) cells(ctx context.Context, q database.Querier, names *names, f *Filter, width int64) error {
	first, end := cellStart(f.From, width), cellStart(f.To, width)+width
	each := width * max(1, int64(math.Ceil((f.To-f.From)/float64(t.buckets)/float64(width))))
	for (end-first+each-1)/each > int64(t.buckets) {
		each += width
	}
	t.buckets = int((end - first + each - 1) / each)
	t.from, t.each, t.to = float64(first), float64(each), float64(first+int64(t.buckets)*each)

	client, _ := names.find(f.Client) // the plan has found them all
	service, _ := names.find(f.Service)
	task, _ := names.find(f.Task)
	rows, err := q.QueryContext(ctx, "SELECT cell, counts FROM density WHERE width = ? AND cell >= ? AND cell < ?", width, first, end)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var start int64
		var b sql.RawBytes
		if err := rows.Scan(&start, &b); err != nil {
			return err
		}
		bucket := int((start - first) / each)
		err := decodeCell(b, func(w triple, n int64) {
			switch {
			case client != 0 && w.client != client, service != 0 && w.service != service, task != 0 && w.task != task, f.Cloud && w.client != 0:
			case t.byClient:
				t.add(w.client, n, bucket)
			default:
				t.add(w.service, n, bucket)
			}
		})
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

// events counts one by one, from the newest on.
func (t *tally) events(ctx context.Context, q database.Querier, p *scan, f *Filter) error {
	t.from, t.to = f.From, max(f.To, f.From+0.001)
	t.each = (t.to - t.from) / float64(t.buckets)
	lane := "service"
	if t.byClient {
		lane = "client"
	}
	var where conditions
	where.add("time >= ? AND time <= ?", f.From, f.To)
	end, err := p.last(ctx, q, maxRaw+1, &where, true)
	if err != nil {
		return err
	}
	if end != nil {
		t.partial = true
		where.add("(time, seq) > (?, ?)", end.Time, end.Seq)
	}
	where.add(p.rest.String(), p.rest.args...)
	query, args := p.query("time, "+lane, &where, true, maxRaw, 0)
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var at float64
		var id int64
		if err := rows.Scan(&at, &id); err != nil {
			return err
		}
		t.add(id, 1, min(t.buckets-1, int((at-t.from)/t.each)))
	}
	return rows.Err()
}

// result lays the lanes with the most events out.
func (t *tally) result(names *names, lanes int) Density {
	d := Density{From: t.from, To: t.to, BucketSeconds: t.each, Lanes: []Lane{}, Partial: t.partial}
	totals := map[int64]int64{}
	for _, s := range t.samples {
		totals[s.lane] += s.n
		d.Total += s.n
	}
	type lane struct{ id, total int64 }
	var all []lane
	for id, total := range totals {
		if total > 0 {
			all = append(all, lane{id, total})
		}
	}
	slices.SortFunc(all, func(a, b lane) int { return cmp.Or(-cmp.Compare(a.total, b.total), cmp.Compare(a.id, b.id)) })
	d.OtherLanes = max(0, len(all)-lanes)
	index := map[int64]int{}
	for i, l := range all[:min(lanes, len(all))] {
		index[l.id] = i
		d.Lanes = append(d.Lanes, Lane{Name: names.name(l.id), Total: l.total, Counts: make([]int64, t.buckets)})
	}
	for _, s := range t.samples {
		if i, ok := index[s.lane]; ok {
			d.Lanes[i].Counts[s.bucket] += s.n
		}
	}
	return d
}
