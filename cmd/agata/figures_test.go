package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/agata-fl/agata/internal/timeline"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestFigures(t *testing.T) {
	t.Chdir(t.TempDir())
	events := []contract.Event{
		{Time: 10, Event: "Started registering a task"}, {Time: 10.5, Event: "Finished task creation"},
		{Time: 11, Event: "Started requesting task"}, {Time: 11.25, Event: "Finished requesting task"},
	}
	if err := timeline.WriteFile("e.json", events); err != nil {
		t.Fatal(err)
	}
	figures := func(args ...string) string {
		var out, errOut bytes.Buffer
		if code := run(t.Context(), append([]string{"events", "figures", "e.json"}, args...), nil, &out, &errOut); code != exitOK {
			t.Errorf("exit code %d: %s", code, errOut.String())
		}
		return out.String()
	}
	text := figures()
	for _, want := range []string{"FIGURE", "1) registering a task", "  0.5000  ", "0.0330", "  0.2500  ", "0.0220 to 0.0250", "not on the timeline"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	var list []figure
	if err := json.Unmarshal([]byte(figures("--experiment", "2", "--format", "json")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 7 || list[0].Seconds != nil || list[1].Published != nil || list[3].Seconds == nil || *list[3].Seconds != 0.25 {
		t.Errorf("got %+v", list)
	}
}
