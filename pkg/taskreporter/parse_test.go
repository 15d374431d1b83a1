package taskreporter_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/pkg/taskreporter"
)

func TestParse(t *testing.T) {
	tests := map[string]struct {
		line string
		want taskreporter.Report // nil: log output
	}{
		"started":           {`{"type": "info", "info": "Started"}`, taskreporter.Info{Text: "Started"}},
		"crlf":              {"{\"type\":\"info\",\"info\":\"Finished\"}\r\n", taskreporter.Info{Text: "Finished"}},
		"python's escapes":  {`{"type":"print","message":"ol\u00e1 \ud83d\ude00\n"}`, taskreporter.Print{Message: "olá 😀\n"}},
		"half a pair":       {`{"type":"print","message":"\ud83d"}`, taskreporter.Print{Message: "\ufffd"}},
		"broken utf-8":      {"{\"type\":\"print\",\"message\":\"\xff\"}", taskreporter.Print{Message: "\ufffd"}},
		"model":             {`{"type":"model","round":"3","acc":"0.91"}`, taskreporter.Model{Round: "3", Accuracy: "0.91"}},
		"model of numbers":  {`{"type":"model","round":3,"acc":-9.1e-1}`, taskreporter.Model{Round: "3", Accuracy: "-9.1e-1"}},
		"model of any text": {`{"type":"model","round":"1","acc":"[(75, {'acc': 0.4})]"}`, taskreporter.Model{Round: "1", Accuracy: "[(75, {'acc': 0.4})]"}},
		"model with loss":   {`{"type":"model","round":"1","acc":"0.5","loss":"1.25"}`, taskreporter.Model{Round: "1", Accuracy: "0.5", Loss: "1.25"}},
		"loss a number":     {`{"type":"model","round":"1","acc":"0.5","loss":1.25e-3}`, taskreporter.Model{Round: "1", Accuracy: "0.5", Loss: "1.25e-3"}},
		"loss null":         {`{"type":"model","round":"1","acc":"0.5","loss":null}`, taskreporter.Model{Round: "1", Accuracy: "0.5"}},
		"loss a list":       {`{"type":"model","round":"1","acc":"0.5","loss":[1]}`, taskreporter.Model{Round: "1", Accuracy: "0.5"}},
		"error":             {`{"type":"error","exception":""}`, taskreporter.Error{}},
		"trigger":           {`{"type":"trigger","trigger_name":"t","trigger_arguments":"a b"}`, taskreporter.Trigger{Name: "t", Arguments: "a b"}},
		"trigger, bare":     {`{"type":"trigger","trigger_name":"t"}`, taskreporter.Trigger{Name: "t"}},
		"event":             {`{"type":"event","time":1763778000.25,"service":"s","function":"f","event":"e"}`, taskreporter.Event{Time: time.UnixMilli(1763778000250), Service: "s", Function: "f", Text: "e"}},
		"unknown field":     {`{"type":"info","info":"x","more":[{}]}`, taskreporter.Info{Text: "x"}},
		"longest line":      {print(taskreporter.MaxLine), taskreporter.Print{Message: strings.Repeat("x", taskreporter.MaxLine-len(print(0)))}},
		"too long":          {print(taskreporter.MaxLine + 1), nil},
		"empty":             {"", nil},
		"text":              {"round 1: accuracy 0.9", nil},
		"half a line":       {`{"type":"info","info":"Fini`, nil},
		"two in one":        {`{"type":"info","info":"a"}{"type":"info","info":"b"}`, nil},
		"text before":       {`50%{"type":"info","info":"a"}`, nil},
		"other json":        {`{"loss": 0.3}`, nil},
		"array":             {`[{"type":"info","info":"a"}]`, nil},
		"python's dict":     {`{'type': 'info', 'info': 'Started'}`, nil},
		"python's nan":      {`{"type":"model","round":"1","acc":NaN}`, nil},
		"unknown type":      {`{"type":"heartbeat"}`, nil},
		"type not text":     {`{"type":7,"info":"a"}`, nil},
		"other case":        {`{"Type":"info","Info":"a"}`, nil},
		"field missing":     {`{"type":"info"}`, nil},
		"field null":        {`{"type":"error","exception":null}`, nil},
		"field not text":    {`{"type":"error","exception":{"a":1}}`, nil},
		"round missing":     {`{"type":"model","acc":"1"}`, nil},
		"acc a list":        {`{"type":"model","round":"1","acc":[1]}`, nil},
		"acc true":          {`{"type":"model","round":"1","acc":true}`, nil},
		"huge number":       {`{"type":"model","round":1e999,"acc":"1"}`, nil},
		"huge time":         {`{"type":"event","time":1e300,"service":"s","function":"f","event":"e"}`, nil},
		"time before 1970":  {`{"type":"event","time":-1,"service":"s","function":"f","event":"e"}`, nil},
		"time as text":      {`{"type":"event","time":"1","service":"s","function":"f","event":"e"}`, nil},
		"trigger's numbers": {`{"type":"trigger","trigger_name":"t","trigger_arguments":1}`, nil},
		"deep nesting":      {`{"type":"info","info":"a","x":` + strings.Repeat("[", 30000) + strings.Repeat("]", 30000) + "}", nil},
		"deep and half":     {strings.Repeat(`{"type":`, 8000), nil},
		"number of digits":  {`{"type":"model","round":` + strings.Repeat("9", 60000) + `,"acc":1}`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := taskreporter.Parse([]byte(tt.line))
			if ok != (tt.want != nil) {
				t.Fatalf("Parse said report=%v, want %v (%#v)", ok, tt.want != nil, got)
			}
			if diff := cmp.Diff(tt.want, got); ok && diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

// print is a print report of n bytes, or the shortest one.
func print(n int) string {
	const head, tail = `{"type":"print","message":"`, `"}`
	return head + strings.Repeat("x", max(n-len(head)-len(tail), 0)) + tail
}

func TestModelValues(t *testing.T) {
	round, accuracy, ok := taskreporter.Model{Round: "3", Accuracy: "0.91"}.Values()
	if round != 3 || accuracy != 0.91 || !ok {
		t.Errorf("Values() = %v, %v, %v; want 3, 0.91, true", round, accuracy, ok)
	}
	if _, _, ok := (taskreporter.Model{Round: "3", Accuracy: "good"}).Values(); ok {
		t.Error("Values() took \"good\" for a number")
	}
}

// FuzzParse checks that no line upsets the parser and that whatever it takes
// for a report means the same after being written again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"type":"info","info":"Started"}`,
		`{"type":"model","round":"1","acc":0.5}`,
		`{"type":"model","round":"1","acc":0.5,"loss":-0}`,
		`{"type":"print","message":"a\tb"}`,
		`{"type":"error","exception":"\ud83d"}`,
		`{"type":"trigger","trigger_name":"t","trigger_arguments":"0.9"}`,
		`{"type":"event","time":1763778000.123456,"service":"s","function":"f","event":"e"}`,
		`{"type":"info"`, `[]`, `{"type":{}}`, "\x00", `{"type":"model","round":1e999,"acc":-0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		report, ok := taskreporter.Parse(line)
		if !ok {
			return
		}
		again, err := taskreporter.Encode(report)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(again, []byte("\n")) != 1 || len(again) > taskreporter.MaxLine+1 {
			t.Fatalf("Encode made more than one line of at most %d bytes: %d bytes", taskreporter.MaxLine, len(again))
		}
		second, ok := taskreporter.Parse(again)
		if !ok {
			t.Fatalf("the report's own line is no report: %s", again)
		}
		// A text may only differ by being cut, when its escapes made the line too long.
		if diff := cmp.Diff(report, second); diff != "" && !bytes.Contains(again, []byte("[cut]")) {
			t.Fatalf("written and read again (-first +second):\n%s", diff)
		}
	})
}
