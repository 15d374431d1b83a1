package cloudtaskmanager

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

// serverLogs returns the last lines of a task's last execution, or those since an
// earlier answer: its reports, its standard output and its standard error, each
// oldest first. Between the three there is no order. None if the task never ran.
func (s *Service) serverLogs(ctx context.Context, req contract.LogsRequest) (contract.Logs, error) {
	logs := contract.Logs{Lines: []string{}}
	t, err := s.registered(ctx, req.TaskID)
	if err != nil {
		return logs, err
	}
	if _, err := parsePlace(req.After); err != nil {
		return logs, err
	}
	if s.shared != nil && t.executionID != "" && t.owner != s.shared.id {
		return forward(ctx, s, t, contract.ServerLogs, req)
	}
	return s.logsHere(req)
}

// logsHere is serverLogs of an execution that this manager ran.
func (s *Service) logsHere(req contract.LogsRequest) (contract.Logs, error) {
	logs := contract.Logs{Lines: []string{}}
	since, err := parsePlace(req.After)
	if err != nil {
		return logs, err
	}
	n := req.Lines
	if n == 0 {
		n = defaultPage
	}
	p := s.runs.process(req.TaskID)
	switch {
	case p == nil:
		logs.Next = since.String()
		return logs, nil
	case req.After == "":
		logs.Lines, since, err = lastOutput(p, n)
	case since.execution == p.ID():
		logs.Lines, since, err = outputSince(p, since, n)
	default:
		again := since.execution != ""
		logs.Lines, since, err = outputSince(p, place{execution: p.ID()}, n)
		if again {
			logs.Lines = append([]string{"[the task was started again]"}, logs.Lines...)
		}
	}
	logs.Next = since.String()
	return logs, err
}

// place says up to where an execution's output was read: behind so many bytes of
// each file.
type place struct {
	execution string // "": the task had none
	at        [3]int64
}

// String is the place as a caller keeps it.
func (p place) String() string {
	return fmt.Sprintf("%s.%d.%d.%d", p.execution, p.at[0], p.at[1], p.at[2])
}

// parsePlace reads what String wrote; "" is the place before everything.
func parsePlace(text string) (p place, err error) {
	if text == "" {
		return p, nil
	}
	parts := strings.Split(text, ".")
	if p.execution = parts[0]; len(parts) == 4 && (p.execution == "" || uuid.Validate(p.execution) == nil) {
		for i := range p.at {
			if p.at[i], err = strconv.ParseInt(parts[i+1], 10, 64); err != nil {
				break
			}
		}
		if err == nil && p.String() == text && min(p.at[0], p.at[1], p.at[2]) >= 0 {
			return p, nil
		}
	}
	return p, rpc.Errorf(rpc.Invalid, "after: %.100q is not the next of an earlier answer", text)
}

// outputs are the files of an execution's output, in the order of their lines in
// an answer.
func outputs(p *supervise.Process) (files [3]outputFile) {
	_, ended := p.Exit() // asked first: what is written before the end is read then
	for i, name := range []string{"reports.jsonl", "stdout.log", "stderr.log"} {
		files[i] = outputFile{path: filepath.Join(p.Folder(), name), ended: ended}
	}
	return files
}

// lastOutput reads the last n lines of all files together.
func lastOutput(p *supervise.Process, n int) (lines []string, next place, err error) {
	next.execution = p.ID()
	var found [3][]piece
	for i, file := range outputs(p) {
		if found[i], next.at[i], err = file.last(); err != nil {
			return nil, next, err
		}
	}
	lines = []string{}
	for i, keep := range share(n, len(found[0]), len(found[1]), len(found[2])) {
		lines = append(lines, texts(i, found[i][len(found[i])-keep:])...)
	}
	return lines, next, nil
}

// outputSince reads the first n lines behind a place.
func outputSince(p *supervise.Process, from place, n int) (lines []string, next place, err error) {
	next = from
	var found [3][]piece
	for i, file := range outputs(p) {
		if found[i], err = file.since(from.at[i]); err != nil {
			return nil, next, err
		}
	}
	lines = []string{}
	for i, keep := range share(n, len(found[0]), len(found[1]), len(found[2])) {
		if keep > 0 {
			next.at[i] = found[i][keep-1].end
		}
		lines = append(lines, texts(i, found[i][:keep])...)
	}
	return lines, next, nil
}

// texts are the lines of one of the outputs as people read them.
func texts(output int, pieces []piece) []string {
	lines := make([]string, len(pieces))
	for i, p := range pieces {
		text := p.text
		if output < 2 { // not of standard error, where reports are only output
			text = readable(text)
		}
		lines[i] = launch.Plain(text)
	}
	return lines
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
		if report.Loss != "" {
			return fmt.Sprintf("round %s: accuracy %s, loss %s", report.Round, report.Accuracy, report.Loss)
		}
		return fmt.Sprintf("round %s: accuracy %s", report.Round, report.Accuracy)
	}
	return line
}

// share divides n lines among lists of some lengths. One that needs less than an
// even share leaves the rest to the longer ones.
func share(n int, lengths ...int) []int {
	order := make([]int, len(lengths))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return min(n, lengths[a]) - min(n, lengths[b]) })
	keep := make([]int, len(lengths))
	for i, list := range order {
		keep[list] = min(lengths[list], n/(len(order)-i))
		n -= keep[list]
	}
	return keep
}
