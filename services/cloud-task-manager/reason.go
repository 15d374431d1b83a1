package cloudtaskmanager

import (
	"fmt"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/internal/supervise/policy"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

// The reasons: those of policy, and one for the good end.
// Those of an exit are the same in supervise, which adds exited: with code 0, but
// without Finished.
const (
	reasonFinished    = "finished" // it reported Finished
	reasonReportError = string(policy.ReportError)
	reasonStopped     = string(policy.OperatorStop)
	reasonLost        = string(policy.Lost)
)

// verdict is how an execution ended, or is about to.
type verdict struct {
	state state
	end   end
}

// judge tells how an execution ended. decided is what a report or a stop made of
// it while it ran, nil if nothing did. A process that ended by itself just before
// it could be stopped has failed all the same.
func judge(decided *verdict, exit supervise.Exit) verdict {
	v := verdict{state: stateFailed, end: end{reason: string(exit.Reason), detail: describe(exit)}}
	switch {
	case decided != nil && (decided.state != stateStopped || exit.Reason == supervise.ReasonStopped || exit.Reason == supervise.ReasonLost):
		v = *decided
	case exit.Reason == supervise.ReasonStopped:
		v = verdict{state: stateStopped, end: end{reason: reasonStopped, detail: "an earlier run of the service stopped it"}}
	}
	v.end.at = exit.EndedAt
	if exit.Code >= 0 {
		v.end.code = &exit.Code
	}
	if exit.Signal > 0 {
		v.end.signal = &exit.Signal
	}
	return v
}

// describe says in words how a process ended by itself.
func describe(exit supervise.Exit) string {
	var text string
	switch exit.Reason {
	case supervise.ReasonExited:
		text = "the process ended without reporting Finished"
	case supervise.ReasonExitNonzero:
		text = fmt.Sprintf("the process ended with exit code %d", exit.Code)
	case supervise.ReasonSignaled:
		text = fmt.Sprintf("signal %d (%s) ended the process", exit.Signal, syscall.Signal(exit.Signal))
	case supervise.ReasonOOMKilled:
		text = "the kernel ended the process for want of memory"
	default:
		text = exit.Error
	}
	if last := lastWords(exit.LastLines); last != "" {
		text += "; its last words: " + last
	}
	return text
}

const (
	wordLines = 5
	wordBytes = 1 << 10
	// textBytes bounds what is stored of a text that a task sent.
	textBytes = 1 << 10
)

// lastWords joins the last lines that are no reports: of standard error if there
// are any, since they come last.
func lastWords(lines []supervise.Line) string {
	var words []string
	for i := len(lines) - 1; i >= 0 && len(words) < wordLines; i-- {
		text := strings.TrimSpace(lines[i].Text)
		if _, isReport := taskreporter.Parse([]byte(text)); text != "" && !isReport {
			words = append([]string{text}, words...)
		}
	}
	text := strings.ToValidUTF8(strings.Join(words, " | "), "\uFFFD")
	if over := len(text) - wordBytes; over > 0 { // the end says more than the beginning
		for !utf8.RuneStart(text[over]) {
			over++
		}
		text = "... " + text[over:]
	}
	return text
}

// bounded cuts a text that a task sent.
func bounded(text string) string {
	if len(text) <= textBytes {
		return text
	}
	n := textBytes
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + " [cut]"
}
