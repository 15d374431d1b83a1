package cloudtaskmanager

import (
	"unicode/utf8"

	"github.com/agata-fl/agata/internal/launch"
	"github.com/agata-fl/agata/internal/supervise"
	"github.com/agata-fl/agata/pkg/contract"
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
	v := verdict{state: stateFailed, end: end{reason: exit.Reason, detail: launch.Describe(exit)}}
	switch {
	case decided != nil && (decided.state != stateStopped || exit.Reason == supervise.ReasonStopped || exit.Reason == supervise.ReasonLost):
		v = *decided
	case exit.Reason == supervise.ReasonStopped:
		v = verdict{state: stateStopped, end: end{reason: contract.ReasonServiceStop, detail: "an earlier run of the service stopped it"}}
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

// textBytes bounds what is stored of a text that a task sent.
const textBytes = 4 << 10

// bounded cuts a text that a task sent.
func bounded(text string) string { return cut(text, textBytes) }

// cut shortens a text to about n bytes, between two characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + " [cut]"
}
