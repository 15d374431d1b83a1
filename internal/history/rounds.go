package history

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agata-fl/agata/internal/database"
)

const (
	defaultPoints, maxPoints = 500, 5000
	defaultSeries, maxSeries = 200, 1000
	// maxReports is how many reports of one series are read, the newest ones.
	maxReports = 50_000
)

// RoundFilter says whose rounds are asked for.
type RoundFilter struct {
	Task      string
	Execution string // "": the newest one of the server and of each client
	Client    string // "": of all
	Points    int    // at most so many a series; 0 means 500, at least 8, up to 5000
	Series    int    // at most so many: the server's, and of clients that reported last; 0 means 200, up to 1000
}

// Series is what one side of one execution reported, round by round, in order
// of time.
type Series struct {
	Task      string  `json:"task"`
	Execution string  `json:"execution"`
	Client    string  `json:"client"` // "" is the cloud
	Side      string  `json:"side"`   // server or client
	Points    []Point `json:"points"`
	// Thinned tells that points were left out; the first, the last, and the highest
	// and lowest accuracy of each stretch are there.
	Thinned bool `json:"thinned"`
}

// Point is one round. Acc and Loss are nil where the task's text is no number.
type Point struct {
	Round   string   `json:"round"`
	X       float64  `json:"x"`    // the round as a number; where some round of the series is none, its position
	Time    float64  `json:"time"` // unix seconds
	Acc     *float64 `json:"acc"`
	Loss    *float64 `json:"loss"`
	AccText string   `json:"acc_text"`
}

// Rounds returns the rounds of a task: the server's first, then the clients', by
// their ids.
func (s *Store) Rounds(ctx context.Context, f RoundFilter) ([]Series, error) {
	points := max(8, bound(f.Points, defaultPoints, maxPoints))
	all := []Series{}
	err := s.db.View(ctx, func(q database.Querier) error {
		ids, err := list(ctx, q, f, &all)
		if err != nil {
			return err
		}
		for i, id := range ids {
			if err := all[i].read(ctx, q, id, points); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the rounds of task %s: %w", f.Task, err)
	}
	return all, nil
}

// list finds the series of a filter, without their points.
func list(ctx context.Context, q database.Querier, f RoundFilter, to *[]Series) (ids []int64, err error) {
	where := conditions{}
	where.add("task = ?", f.Task)
	if f.Client != "" {
		where.add("client = ?", f.Client)
	}
	rank := "row_number() OVER (PARTITION BY side, client ORDER BY last DESC)"
	if f.Execution != "" {
		where.add("execution = ?", f.Execution)
		rank = "1"
	}
	rows, err := q.QueryContext(ctx, fmt.Sprintf(`SELECT id, task, execution, client, side FROM
		(SELECT id, task, execution, client, side FROM
			(SELECT id, task, execution, client, side, last, %s AS rank FROM series WHERE %s) AS ranked
			WHERE rank = 1 ORDER BY side = 'server' DESC, last DESC LIMIT %d) AS newest
		ORDER BY side = 'server' DESC, client, execution`, rank, &where, bound(f.Series, defaultSeries, maxSeries)), where.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var one Series
		if err := rows.Scan(&id, &one.Task, &one.Execution, &one.Client, &one.Side); err != nil {
			return nil, err
		}
		ids = append(ids, id)
		*to = append(*to, one)
	}
	return ids, rows.Err()
}

// read fills in the points of a series.
func (one *Series) read(ctx context.Context, q database.Querier, id int64, most int) error {
	rows, err := q.QueryContext(ctx, "SELECT time, round, acc, loss FROM rounds WHERE series = ? ORDER BY time DESC, seq DESC LIMIT ?", id, maxReports+1)
	if err != nil {
		return err
	}
	defer rows.Close()
	numbered := true
	for rows.Next() {
		var p Point
		var loss string
		if err := rows.Scan(&p.Time, &p.Round, &p.AccText, &loss); err != nil {
			return err
		}
		p.Acc, p.Loss = number(p.AccText), number(loss)
		if x := number(p.Round); x != nil {
			p.X = *x
		} else {
			numbered = false
		}
		one.Points = append(one.Points, p)
	}
	if len(one.Points) > maxReports {
		one.Points, one.Thinned = one.Points[:maxReports], true
	}
	slices.Reverse(one.Points)
	for i := range one.Points {
		if !numbered {
			one.Points[i].X = float64(i + 1)
		}
	}
	if len(one.Points) > most {
		one.Points, one.Thinned = thin(one.Points, most), true
	}
	return rows.Err()
}

// thin keeps at most n points, n being 8 or more: of each of n/4 stretches the
// first, the last, and those with the lowest and the highest accuracy.
func thin(points []Point, n int) []Point {
	kept := make([]Point, 0, n)
	stretches := n / 4
	for i := range stretches {
		from, end := i*len(points)/stretches, (i+1)*len(points)/stretches
		if from == end {
			continue
		}
		least, most := -1, -1
		for k := from; k < end; k++ {
			acc := points[k].Acc
			if acc == nil {
				continue
			}
			if least < 0 || *acc < *points[least].Acc {
				least = k
			}
			if most < 0 || *acc > *points[most].Acc {
				most = k
			}
		}
		picks := []int{from, least, most, end - 1}
		slices.Sort(picks)
		for _, k := range slices.Compact(picks) {
			if k >= 0 {
				kept = append(kept, points[k])
			}
		}
	}
	return kept
}

// A number within other text: tensor(0.93), np.float64(0.93), "Round 3", 1/10.
var (
	within       = regexp.MustCompile(`(?:^|[^\w.+-])([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(%?)`)
	decimalComma = regexp.MustCompile(`^[+-]?\d+,\d+$`)
)

// number reads the number in a task's text; nil if there is none that is finite.
func number(text string) *float64 {
	text = strings.TrimSpace(text)
	if decimalComma.MatchString(text) {
		text = strings.Replace(text, ",", ".", 1)
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		m := within.FindStringSubmatch(text)
		if m == nil {
			return nil
		}
		if x, err = strconv.ParseFloat(m[1], 64); err != nil {
			return nil
		}
		if m[2] != "" {
			x /= 100
		}
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
