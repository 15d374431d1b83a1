package history

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// widths are those of the cells that events are counted in, in seconds.
var widths = [...]int64{60, 600, 3600}

// maxParts is how many parts a cell gets before they are merged: few enough to
// be read quickly, many enough that a busy hour is rarely written anew.
const maxParts = 32

// cellKey is one cell: all events of width seconds from start.
type cellKey struct{ width, start int64 }

// triple is whose events are counted, by the numbers of their names.
type triple struct{ client, service, task int64 }

func compareTriples(a, b triple) int {
	return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.service, b.service), cmp.Compare(a.task, b.task))
}

// cell is how many events each had.
type cell map[triple]int64

// counts are cells that have changed: what came, less what went.
type counts map[cellKey]cell

func (c counts) add(at float64, whose triple, n int64) {
	for _, w := range widths {
		key := cellKey{w, cellStart(at, w)}
		if c[key] == nil {
			c[key] = cell{}
		}
		c[key][whose] += n
	}
}

// cellStart is where the cell of width w begins that holds a time.
func cellStart(at float64, w int64) int64 { return int64(math.Floor(at/float64(w))) * w }

// encode writes a cell as numbers: for each triple, in order, the client's
// distance to the one before, the service, the task, and how many.
func (c cell) encode() []byte {
	keys := make([]triple, 0, len(c))
	for t, n := range c {
		if n != 0 {
			keys = append(keys, t)
		}
	}
	slices.SortFunc(keys, compareTriples)
	b := make([]byte, 0, 6*len(keys))
	last := int64(0)
	for _, t := range keys {
		b = binary.AppendUvarint(b, uint64(t.client-last))
		b = binary.AppendUvarint(b, uint64(t.service))
		b = binary.AppendUvarint(b, uint64(t.task))
		b = binary.AppendVarint(b, c[t])
		last = t.client
	}
	return b
}

// decodeCell calls each with the counts in b.
func decodeCell(b []byte, each func(t triple, n int64)) error {
	var t triple
	for len(b) > 0 {
		var v [4]uint64
		for i := range v {
			n := 0
			if v[i], n = binary.Uvarint(b); n <= 0 {
				return fmt.Errorf("the counts of a cell end within a number: the file is damaged")
			}
			b = b[n:]
		}
		t.client += int64(v[0])
		t.service, t.task = int64(v[1]), int64(v[2])
		each(t, int64(v[3]>>1)^-int64(v[3]&1)) // the zigzag of Varint
	}
	return nil
}

// writeCounts appends a part to each changed cell, and merges the parts of a
// cell when there are more than limit. The caller holds the lock.
func (s *Store) writeCounts(ctx context.Context, tx *sql.Tx, changed counts, limit int) error {
	if len(s.parts) > 4096 {
		clear(s.parts) // only a memory of what can be counted
	}
	part := tx.StmtContext(ctx, s.sql.part)
	for key, c := range changed {
		if _, err := part.ExecContext(ctx, key.width, key.start, c.encode()); err != nil {
			return fmt.Errorf("count events: %w", err)
		}
		n, known := s.parts[key]
		if n++; !known {
			err := tx.QueryRowContext(ctx, "SELECT count(*) FROM density WHERE width = ? AND cell = ?", key.width, key.start).Scan(&n)
			if err != nil {
				return fmt.Errorf("count events: %w", err)
			}
		}
		if n > limit {
			if err := merge(ctx, tx, key); err != nil {
				return fmt.Errorf("merge the counts of events: %w", err)
			}
			n = 1
		}
		s.parts[key] = n
	}
	return nil
}

// merge makes one part of a cell's parts, or none if there is nothing left to count.
func merge(ctx context.Context, tx *sql.Tx, key cellKey) error {
	rows, err := tx.QueryContext(ctx, "SELECT counts FROM density WHERE width = ? AND cell = ?", key.width, key.start)
	if err != nil {
		return err
	}
	defer rows.Close()
	sum := cell{}
	for rows.Next() {
		var b sql.RawBytes
		if err := rows.Scan(&b); err != nil {
			return err
		}
		if err := decodeCell(b, func(t triple, n int64) { sum[t] += n }); err != nil {
			return err
		}
	}
	if err := rows.Close(); err != nil {
		return err
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM density WHERE width = ? AND cell = ?", key.width, key.start); err != nil {
		return err
	}
	if b := sum.encode(); len(b) > 0 {
		_, err = tx.ExecContext(ctx, sqlPart, key.width, key.start, b)
	}
	return err
}
