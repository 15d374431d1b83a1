package taskreporter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Texts of [Info] reports with a meaning of their own.
const (
	Started  = "Started"  // the task made its reporter
	Finished = "Finished" // the task is done: its manager stops the process
)

// Report is one of [Info], [Model], [Print], [Error], [Trigger] and [Event].
type Report interface {
	// Type is the value of the line's "type" field.
	Type() string

	wire() any            // what the line holds
	shorten(n int) Report // with its longest text cut to about n bytes
}

// Info is free text; see [Started] and [Finished].
type Info struct {
	Text string
}

// Model is what a round gave. All fields are text on the wire, and Accuracy and
// Loss may be any text; [Model.Values] reads the first two as numbers.
type Model struct {
	Round    string
	Accuracy string
	Loss     string // this platform's addition; "": not told
}

// Print is a line for the task's log.
type Print struct {
	Message string
}

// Error says that the task failed and how. A client does not run it again.
type Error struct {
	Exception string
}

// Trigger asks the server's manager to run the task's own program Name, with
// Arguments.
type Trigger struct {
	Name      string
	Arguments string
}

// Event puts a text on the platform's timeline, as said by a function of a
// service. It is this platform's addition: with it a task needs no broker.
type Event struct {
	Time     time.Time // from 1970 on, to the microsecond
	Service  string
	Function string
	Text     string
}

// Values returns the round and the accuracy as numbers, and false if either is
// something else.
func (m Model) Values() (round int, accuracy float64, ok bool) {
	round, errRound := strconv.Atoi(m.Round)
	accuracy, errAccuracy := strconv.ParseFloat(m.Accuracy, 64)
	return round, accuracy, errRound == nil && errAccuracy == nil
}

func (Info) Type() string    { return "info" }
func (Model) Type() string   { return "model" }
func (Print) Type() string   { return "print" }
func (Error) Type() string   { return "error" }
func (Trigger) Type() string { return "trigger" }
func (Event) Type() string   { return "event" }

func (r Info) wire() any {
	return struct {
		Type string `json:"type"`
		Info string `json:"info"`
	}{r.Type(), r.Text}
}

func (r Model) wire() any {
	return struct {
		Type  string `json:"type"`
		Round string `json:"round"`
		Acc   string `json:"acc"`
		Loss  string `json:"loss,omitempty"`
	}{r.Type(), r.Round, r.Accuracy, r.Loss}
}

func (r Print) wire() any {
	return struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}{r.Type(), r.Message}
}

func (r Error) wire() any {
	return struct {
		Type      string `json:"type"`
		Exception string `json:"exception"`
	}{r.Type(), r.Exception}
}

func (r Trigger) wire() any {
	return struct {
		Type      string `json:"type"`
		Name      string `json:"trigger_name"`
		Arguments string `json:"trigger_arguments"`
	}{r.Type(), r.Name, r.Arguments}
}

func (r Event) wire() any {
	return struct {
		Type     string  `json:"type"`
		Time     float64 `json:"time"`
		Service  string  `json:"service"`
		Function string  `json:"function"`
		Event    string  `json:"event"`
	}{r.Type(), float64(r.Time.UnixMicro()) / 1e6, r.Service, r.Function, r.Text}
}

func (r Info) shorten(n int) Report  { r.Text = cut(r.Text, n); return r }
func (r Print) shorten(n int) Report { r.Message = cut(r.Message, n); return r }
func (r Error) shorten(n int) Report { r.Exception = cut(r.Exception, n); return r }

func (r Model) shorten(n int) Report {
	return Model{Round: cut(r.Round, n/3), Accuracy: cut(r.Accuracy, n/3), Loss: cut(r.Loss, n/3)}
}

func (r Trigger) shorten(n int) Report {
	return Trigger{Name: cut(r.Name, n/2), Arguments: cut(r.Arguments, n/2)}
}

func (r Event) shorten(n int) Report {
	r.Service, r.Function, r.Text = cut(r.Service, n/3), cut(r.Function, n/3), cut(r.Text, n/3)
	return r
}

// Encode returns a report's line, newline included. Texts that would make it
// longer than [MaxLine] are cut, since a failure that is told in part is still
// a failure and a line too long would be none.
func Encode(r Report) ([]byte, error) {
	for limit := MaxLine; ; limit /= 2 {
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r.wire()); err != nil {
			return nil, fmt.Errorf("encode a report of type %s: %w", r.Type(), err)
		}
		if line.Len()-1 <= MaxLine {
			return line.Bytes(), nil
		}
		r = r.shorten(limit)
	}
}

// cut returns the first n bytes of text or a little less, with a mark at the
// end, and never a broken character.
func cut(text string, n int) string {
	const mark = " [cut]"
	if len(text) <= n {
		return text
	}
	n = max(n-len(mark), 0)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + mark
}
