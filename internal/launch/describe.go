package launch

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/taskreporter"
)

// StartReason is the reason of a failed start.
func StartReason(err error) contract.Reason {
	if e, ok := errors.AsType[*supervise.StartError](err); ok && e.Kind == supervise.KindTimeout {
		return contract.ReasonStartTimeout
	}
	return contract.ReasonStartFailed
}

// Describe says in words how a process ended by itself.
func Describe(exit supervise.Exit) string {
	var text string
	switch exit.Reason {
	case supervise.ReasonExited:
		text = "the process ended without reporting Finished"
	case supervise.ReasonExitNonzero:
		text = fmt.Sprintf("the process ended with exit code %d", exit.Code)
	case supervise.ReasonSignaled:
		text = fmt.Sprintf("signal %d (%s) ended the process", exit.Signal, syscall.Signal(exit.Signal))
	case supervise.ReasonLimitExceeded:
		text = "the kernel ended the process for passing a limit of " + passed[syscall.Signal(exit.Signal)]
	case supervise.ReasonOOMKilled:
		text = "the kernel ended the process for want of memory"
		if exit.Memory > 0 {
			text = fmt.Sprintf("the kernel ended the process for using more memory than its limit of %d MiB", exit.Memory>>20)
		}
	default:
		text = exit.Error
	}
	if last := lastWords(exit.LastLines); last != "" {
		text += "; its last words: " + last
	}
	return text
}

// passed are the limits whose passing the kernel tells by a signal.
var passed = map[syscall.Signal]string{syscall.SIGXCPU: "processor time", syscall.SIGXFSZ: "file size"}

const (
	wordLines = 5
	wordBytes = 1 << 10
)

// lastWords joins the last lines that are no reports: of standard error if there
// are any, since they come last.
func lastWords(lines []supervise.Line) string {
	var words []string
	for i := len(lines) - 1; i >= 0 && len(words) < wordLines; i-- {
		text := strings.TrimSpace(Plain(lines[i].Text))
		if _, isReport := taskreporter.Parse([]byte(text)); text != "" && !isReport {
			words = append([]string{text}, words...)
		}
	}
	text := strings.Join(words, " | ")
	if over := len(text) - wordBytes; over > 0 { // the end says more than the beginning
		for !utf8.RuneStart(text[over]) {
			over++
		}
		text = "... " + text[over:]
	}
	return text
}
