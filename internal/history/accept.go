package history

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agata-fl/agata/pkg/contract"
)

// Bounds of what is stored of one record, in bytes. Longer texts are cut;
// records with longer names are passed over.
const (
	maxText   = 64 << 10 // of an event, a detail, the last lines together
	maxNumber = 256      // of a round, an accuracy, a loss
	maxName   = 256      // of ids and names
	maxState  = 1 << 20  // of a client's state, as JSON

	year2000 = 946684800.0
	year2100 = 4102444800.0

	// ahead is how far a clock may be ahead before its times count as wrong, in seconds.
	ahead = 3600.0
)

func sane(at float64) bool { return at >= year2000 && at < year2100 } // false for NaN

// accept returns a record as it is stored, which shares nothing with the one
// given; or an error that tells why the record makes no sense.
func accept(r contract.Record) (contract.Record, error) {
	event, round, run, state := r.Event, r.Round, r.Run, r.State
	r.Event, r.Round, r.Run, r.State = nil, nil, nil, nil
	names := []*string{&r.ID, &r.Client, &r.Task, &r.Execution, &r.Trace}
	switch {
	case r.ID == "":
		return r, errors.New("it has no id")
	case r.Kind == contract.RecordEvent && event != nil:
		e := *event
		r.Time = cmp.Or(r.Time, e.Time)
		e.Time, e.Event = r.Time, cut(e.Event, maxText)
		names = append(names, &e.Service, &e.Function)
		r.Event = &e
	case r.Kind == contract.RecordRound && round != nil:
		if round.Side != contract.SideServer && round.Side != contract.SideClient {
			return r, fmt.Errorf("the round's side is %q, neither server nor client", cut(round.Side, 64))
		}
		r.Round = &contract.Round{Side: round.Side, Round: cut(round.Round, maxNumber), Acc: cut(round.Acc, maxNumber), Loss: cut(round.Loss, maxNumber)}
	case r.Kind == contract.RecordExecution && run != nil:
		if r.Execution == "" {
			return r, errors.New("it is of an execution that has no id")
		}
		if !slices.Contains(contract.RunStates(), run.State) {
			return r, fmt.Errorf("the execution's state is %q, none of %q", cut(string(run.State), 64), contract.RunStates())
		}
		one := *run
		one.Detail, one.LastLines = cut(one.Detail, maxText), lastLines(one.LastLines)
		names = append(names, &one.Side, (*string)(&one.Reason))
		r.Run = &one
	case r.Kind == contract.RecordClient && state != nil:
		if r.Client == "" {
			return r, errors.New("it is the state of a client that has no id")
		}
		b, err := json.Marshal(state)
		if err != nil {
			return r, fmt.Errorf("encode the client's state: %w", err)
		}
		if len(b) > maxState {
			return r, fmt.Errorf("the client's state has %d bytes; up to %d are kept", len(b), maxState)
		}
		r.State = &contract.ClientState{}
		if err := json.Unmarshal(b, r.State); err != nil {
			return r, fmt.Errorf("decode the client's state: %w", err)
		}
	default:
		return r, fmt.Errorf("it lacks the body of its kind, %q", cut(string(r.Kind), 64))
	}
	if !sane(r.Time) {
		return r, fmt.Errorf("its time is %g, which is not between the years 2000 and 2100", r.Time)
	}
	for _, name := range names {
		if len(*name) > maxName {
			return r, fmt.Errorf("an id or a name has %d bytes; up to %d are kept: %s...", len(*name), maxName, cut(*name, 64))
		}
		*name = valid(*name)
	}
	return r, nil
}

// valid is text that readers of JSON and SQLite's own functions can take.
func valid(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "\uFFFD") // ends a text for some of them
	}
	return text
}

// cut shortens a text to at most limit bytes, between two characters.
func cut(text string, limit int) string {
	if len(text) > limit {
		end := limit
		for end > limit-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return strings.Clone(valid(text))
}

// lastLines keeps the last of the lines that have place in maxText.
func lastLines(lines []string) []string {
	var kept []string
	for left := maxText; len(lines) > 0; lines = lines[:len(lines)-1] {
		line := cut(lines[len(lines)-1], maxText)
		if left -= len(line) + 1; left < 0 && len(kept) > 0 {
			break
		}
		kept = append(kept, line)
	}
	slices.Reverse(kept)
	return kept
}
