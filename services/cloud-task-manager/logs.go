package cloudtaskmanager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

// serverLogs returns the last lines of a task's last execution: its reports, its
// standard output and its standard error, each oldest first. Between the three
// there is no order. None if the task never ran.
func (s *Service) serverLogs(ctx context.Context, req contract.LogsRequest) (contract.Logs, error) {
	logs := contract.Logs{Lines: []string{}}
	if _, err := s.registered(ctx, req.TaskID); err != nil {
		return logs, err
	}
	n := req.Lines
	if n == 0 {
		n = defaultPage
	}
	p := s.runs.process(req.TaskID)
	if p == nil {
		return logs, nil
	}
	reports, err := reportTail(p.Folder())
	if err != nil {
		return logs, err
	}
	var out, errs []string
	for _, line := range p.Tail(n) {
		if line.Stream == supervise.Stderr {
			errs = append(errs, line.Text)
		} else {
			out = append(out, readable(line.Text))
		}
	}
	logs.Lines = append(logs.Lines, share(n, reports, out, errs)...)
	return logs, nil
}

// reportBytes is how far back the reports are read.
const reportBytes = 64 << 10

// reportTail reads the last reports that a task wrote to its file for them.
func reportTail(folder string) ([]string, error) {
	f, err := os.Open(filepath.Join(folder, "reports.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // removed for the next execution just now
	}
	if err != nil {
		return nil, fmt.Errorf("read the reports: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the reports: %w", err)
	}
	from := max(0, info.Size()-reportBytes)
	data, err := io.ReadAll(io.NewSectionReader(f, from, reportBytes))
	if err != nil {
		return nil, fmt.Errorf("read the reports: %w", err)
	}
	text := string(data)
	if from > 0 { // the first line has lost its beginning
		_, text, _ = strings.Cut(text, "\n")
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, readable(strings.TrimRight(line, "\r\n")))
	}
	return lines, nil
}

// readable puts a report in words; any other line stays as it is.
func readable(line string) string {
	report, ok := taskreporter.Parse([]byte(line))
	if !ok {
		return line
	}
	switch report := report.(type) {
	case taskreporter.Print:
		return report.Message
	case taskreporter.Info:
		return "info: " + report.Text
	case taskreporter.Error:
		return "error: " + report.Exception
	case taskreporter.Model:
		return fmt.Sprintf("round %s: accuracy %s", report.Round, report.Accuracy)
	}
	return line
}

// share joins the ends of some lists, n lines together. A list that needs less
// than an even share leaves the rest to the longer ones.
func share(n int, lists ...[]string) []string {
	order := make([]*[]string, len(lists))
	for i := range lists {
		order[i] = &lists[i]
	}
	slices.SortStableFunc(order, func(a, b *[]string) int { return len(*a) - len(*b) })
	for i, list := range order {
		keep := min(len(*list), n/(len(order)-i))
		*list = (*list)[len(*list)-keep:]
		n -= keep
	}
	return slices.Concat(lists...)
}
