package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// place is a position in the spool: all before it is confirmed.
type place struct {
	segment uint64
	offset  int64
}

// placeName is the file that holds it: a line of its own kind, always of one
// length, overwritten by one write.
const placeName = "confirmed"

func (p place) line() []byte {
	return appendLine(nil, fmt.Appendf(nil, "%020d %019d", p.segment, p.offset))
}

// readPlace is the zero place for a file that is not there or is damaged: then all
// that is left counts as unconfirmed.
func readPlace(folder string) place {
	data, err := os.ReadFile(filepath.Join(folder, placeName))
	if err != nil {
		return place{}
	}
	messages, _, _ := split(data, 1)
	if len(messages) != 1 {
		return place{}
	}
	segment, offset, _ := strings.Cut(string(messages[0]), " ")
	var p place
	if p.segment, err = strconv.ParseUint(segment, 10, 64); err != nil {
		return place{}
	}
	if p.offset, err = strconv.ParseInt(offset, 10, 64); err != nil || p.offset < 0 {
		return place{}
	}
	return p
}
