package supervise

import "github.com/agata-fl/agata/internal/supervise/shim"

// tailBytes is how far back Tail looks in each stream.
const tailBytes = 64 << 10

// Tail returns the last n lines of standard output, then the last n of standard
// error, as far as they lie within the last 64 KiB of each. Between the two
// streams there is no order.
func (p *Process) Tail(n int) []Line {
	var lines []Line
	for stream, path := range p.paths() {
		if stream == Report {
			continue
		}
		found := tailFile(path, stream)
		lines = append(lines, found[max(0, len(found)-n):]...)
	}
	return lines
}

func tailFile(path string, stream Stream) []Line {
	file, err := shim.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	from := max(0, info.Size()-tailBytes)
	data := make([]byte, info.Size()-from)
	read, _ := file.ReadAt(data, from)
	data = data[:read]

	split := newSplitter(stream, from)
	split.drop = from > 0 // the first line has lost its beginning
	var lines []Line
	for len(data) > 0 {
		n, line, complete := split.feed(data)
		data = data[n:]
		if complete {
			line.Skipped = 0
			lines = append(lines, line)
		}
	}
	if line, ok := split.rest(); ok {
		lines = append(lines, line)
	}
	return lines
}
