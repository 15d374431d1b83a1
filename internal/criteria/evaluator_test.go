package criteria

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// An evaluator answers as each expression does by itself, whatever it was asked
// before.
func TestEvaluatorAnswersAsEachExpression(t *testing.T) {
	attrs := map[string]any{
		"ID": "ada", "data_qnt": int64(60), "avg_acc_contrib": nil, "share": json.Number("0.25"), "sensors": []string{"camera", "ecu"},
		"rows": []any{"a", []any{int64(1)}}, "odd": struct{}{}, "many": make([]string, 9000),
	}
	sources := []string{
		"", "data_qnt > 50", `"camera" in sensors`, "sensors[5] == 'x'", "avg_acc_contrib > 1", "nothing == 1", "odd == 1", "share < 0.5",
		`len(rows) == 2 and rows[1][0] == 1`, `any(s == "ecu" for s in sensors)`, `ID == "ada" and len(sensors) == 2`, "len(many) == 9000",
		strings.Repeat("len(many) == 9000 and ", 80) + "True", // more steps than there are, but for those that pay each time
	}
	e := NewEvaluator(attrs)
	for range 2 {
		for _, src := range sources {
			x, err := Compile(src)
			if err != nil {
				t.Fatal(err)
			}
			want, wantErr := x.Eval(attrs)
			got, gotErr := e.Eval(x)
			if got != want || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
				t.Errorf("%.40q: got %t, %v; want %t, %v", src, got, gotErr, want, wantErr)
			}
		}
	}
}

// What a poll costs grows with the tasks: an expression that a client meets takes
// no memory.
func TestEvaluatorAllocatesNothing(t *testing.T) {
	x, err := Compile(`data_qnt > 50 and "camera" in sensors and avg_acc_contrib < 0.9`)
	if err != nil {
		t.Fatal(err)
	}
	e := NewEvaluator(map[string]any{"data_qnt": int64(60), "avg_acc_contrib": 0.5, "sensors": []string{"camera", "ecu"}})
	if n := testing.AllocsPerRun(100, func() {
		if ok, err := e.Eval(x); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}); n > 0 {
		t.Errorf("an evaluation takes %g allocations", n)
	}
}
