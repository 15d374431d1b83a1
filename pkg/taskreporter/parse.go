package taskreporter

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// Parse reads one line of a task's output, with or without its newline. It
// returns false for a line that is no report, which is then log output: half a
// line, JSON of another shape, a known type with a field missing or of a wrong
// type, or more than [MaxLine] bytes. Fields that it does not know are ignored.
//
// The round, the accuracy and the loss of a model may come as numbers too. A
// trigger's arguments may be absent, and so may a loss: one that is neither text
// nor number is passed over, as it was before there was such a field.
func Parse(line []byte) (Report, bool) {
	line = bytes.TrimSpace(line)
	if len(line) > MaxLine || len(line) == 0 || line[0] != '{' {
		return nil, false
	}
	// A map keeps names as they are: a struct would also take "TYPE" for "type".
	var fields object
	if json.Unmarshal(line, &fields) != nil {
		return nil, false
	}
	kind, ok := fields.text("type")
	if !ok {
		return nil, false
	}
	return fields.report(kind)
}

type object map[string]json.RawMessage

func (o object) report(kind string) (Report, bool) {
	switch kind {
	case "info":
		text, ok := o.text("info")
		return Info{text}, ok
	case "model":
		round, ok := o.textOrNumber("round")
		accuracy, ok2 := o.textOrNumber("acc")
		loss, _ := o.textOrNumber("loss")
		return Model{round, accuracy, loss}, ok && ok2
	case "print":
		message, ok := o.text("message")
		return Print{message}, ok
	case "error":
		exception, ok := o.text("exception")
		return Error{exception}, ok
	case "trigger":
		name, ok := o.text("trigger_name")
		arguments, ok2 := o.text("trigger_arguments")
		_, present := o["trigger_arguments"]
		return Trigger{name, arguments}, ok && (ok2 || !present)
	case "event":
		at, ok := o.time("time")
		service, ok2 := o.text("service")
		function, ok3 := o.text("function")
		text, ok4 := o.text("event")
		return Event{at, service, function, text}, ok && ok2 && ok3 && ok4
	}
	return nil, false
}

// text returns a string field. Null is not a string.
func (o object) text(name string) (string, bool) {
	raw := o[name]
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// number returns a field that is a number within the range of a float64.
func (o object) number(name string) (float64, bool) {
	raw := o[name]
	if len(raw) == 0 || (raw[0] != '-' && (raw[0] < '0' || raw[0] > '9')) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil
}

func (o object) textOrNumber(name string) (string, bool) {
	if _, ok := o.number(name); ok {
		return string(o[name]), true
	}
	return o.text(name)
}

// time returns a field that holds Unix seconds. Those of the year 2242 and later
// are refused, as a float64 no longer tells microseconds there.
func (o object) time(name string) (time.Time, bool) {
	seconds, ok := o.number(name)
	if !ok || seconds < 0 || seconds >= 1<<33 {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))), true
}
