package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// chunk is how much is read at once, where one message is not larger.
const chunk = 256 << 10

// Batch is what [Spool.Next] gives out.
type Batch struct {
	Messages [][]byte
	end      place
	lines    int // with those that were damaged
}

// Next returns the oldest messages that are not confirmed, most of them and about
// 256 KiB at the most, without taking them out. An empty batch: there is none.
// Segments that cannot be read are given up.
func (s *Spool) Next(most int) Batch {
	for {
		s.mu.Lock()
		b, again, err := s.next(most)
		s.mu.Unlock()
		if err != nil {
			// All that is wrong with a file is wrong for good; what follows goes on.
			s.giveUp(b.end.segment, err)
			continue
		}
		if !again {
			return b
		}
	}
}

// next reads on from the place; again tells that it has moved over what holds no
// message. mu is held.
func (s *Spool) next(most int) (b Batch, again bool, err error) {
	if s.lock == nil || len(s.segments) == 0 {
		return Batch{}, false, nil
	}
	g := s.segments[0]
	if g.number != s.at.segment {
		s.at = place{segment: g.number}
	}
	b.end = s.at
	left := g.size - s.at.offset
	if left <= 0 {
		return b, s.passed(g), nil
	}
	piece, err := s.read(g, min(left, chunk))
	if err != nil {
		return b, false, err
	}
	messages, used, damaged := split(piece, most)
	if used == 0 && int64(len(piece)) < left { // a long line
		if piece, err = s.read(g, min(left, maxLine)); err != nil {
			return b, false, err
		}
		messages, used, damaged = split(piece, most)
	}
	b.Messages, b.lines = messages, len(messages)+damaged
	b.end.offset += int64(used)
	if damaged > 0 {
		s.opt.Lost(damaged, "the outbox was damaged")
	}
	if used == 0 { // a line without an end: torn, or garbage longer than a line
		b.end.offset += int64(len(piece))
	}
	if len(messages) == 0 {
		s.confirm(b)
		return b, true, nil
	}
	return b, false, nil
}

// passed leaves a segment that is read to its end, unless it is the one that is
// written; true: there is another one to read.
func (s *Spool) passed(g *segment) bool {
	if s.writer != nil && len(s.segments) == 1 {
		return false
	}
	if g.left > 0 {
		s.left -= g.left
		s.opt.Lost(g.left, "the outbox was damaged")
	}
	s.drop(0)
	return true
}

func (s *Spool) read(g *segment, n int64) ([]byte, error) {
	if s.reader == nil || s.reads != g.number {
		if s.reader != nil {
			_ = s.reader.Close()
		}
		f, err := os.Open(g.path)
		if s.reader = f; err != nil {
			s.reader = nil
			return nil, err
		}
		s.reads = g.number
	}
	piece := make([]byte, n)
	got, err := s.reader.ReadAt(piece, s.at.offset)
	if got == 0 && err != nil {
		return nil, err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return piece[:got], nil
}

// giveUp drops a segment that cannot be read.
func (s *Spool) giveUp(number uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) == 0 || s.segments[0].number != number {
		return
	}
	if s.writer != nil && len(s.segments) == 1 {
		_ = s.writer.Close()
		s.writer = nil
	}
	lost := s.segments[0].left
	s.left -= lost
	s.drop(0)
	s.opt.Lost(lost, fmt.Sprintf("a file of the outbox cannot be read: %v", err))
}

// Confirm takes a batch out for good. It fails when that could not be written
// down: then a process that comes after gives the batch out again.
func (s *Spool) Confirm(b Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.confirm(b)
}

func (s *Spool) confirm(b Batch) error {
	if s.lock == nil {
		return os.ErrClosed
	}
	if len(s.segments) == 0 || s.segments[0].number != b.end.segment {
		return nil // dropped meanwhile
	}
	g := s.segments[0]
	taken := min(b.lines, g.left)
	g.left -= taken
	s.left -= taken
	s.at = b.end
	if _, err := s.placeFile.WriteAt(s.at.line(), 0); err != nil {
		return fmt.Errorf("write down what is confirmed: %w", err)
	}
	return nil
}
