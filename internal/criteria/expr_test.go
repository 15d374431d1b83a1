package criteria

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCompileRefuses(t *testing.T) {
	tests := []struct {
		src    string
		column int
		says   string
	}{
		{`data_qnt >`, 11, "the expression ends where a value should be"},
		{`data_qnt > 50 and`, 18, "the expression ends where a value should be"},
		{`(data_qnt > 50`, 15, "the expression ends where ')' for the '(' before should be"},
		{`data_qnt > 50)`, 14, ") where the end of the expression should be"},
		{`data_qnt = 50`, 10, "write == to compare"},
		{`data_qnt => 50`, 10, "write == to compare"},
		{`data_qnt > 50 && "camera" in sensors`, 15, "write 'and'"},
		{`data_qnt > 50, "camera" in sensors`, 14, "a comma here would make a tuple, which is always true"},
		{`data_qnt is 50`, 10, "'is' is only for None, True and False"},
		{`open("/etc/passwd")`, 1, "unknown function open; there are abs, all,"},
		{`__import__("os").system("id")`, 1, "two underscores"},
		{`sensors.__class__`, 9, "two underscores"},
		{`sensors.append("x")`, 9, "unknown method append; text has endswith, lower,"},
		{`ID.lower`, 4, "attributes of values are not available"},
		{`lambda: 1`, 1, "lambda is not available"},
		{`(n := 5) > 3`, 4, "assignments are not available"},
		{`[s for s in sensors]`, 1, "comprehensions are not available"},
		{`len(s for s in sensors)`, 5, "takes no generator expression"},
		{`any(a for a in x for b in y)`, 18, "one 'for' only"},
		{`sum(1, x for x in y)`, 8, "a generator expression is the only argument"},
		{`len`, 1, "len is a function: write len(...)"},
		{`len(a, b)`, 1, "len() takes one argument, not 2"},
		{`ID.lower(1)`, 4, "lower() takes no argument, not 1"},
		{`sum()`, 1, "sum() takes one or two arguments, not 0"},
		{`sorted(x, reverse=True)`, 18, "write == to compare"},
		{`{"a": 1}`, 1, "dictionaries are not available"},
		{`{}`, 1, "write set()"},
		{`"camera`, 1, `the string that begins here does not end: it lacks "`},
		{"\"cam\nera\"", 5, "the string that begins at column 1 does not end on its line"},
		{"data_qnt > 50\nand True", 14, "put parentheses around it"},
		{`f"{ID}" == "x"`, 1, "a string with the prefix f"},
		{`99999999999999999999 > n`, 1, "the number does not fit into 64 bits"},
		{`007 > n`, 1, "a number does not begin with 0: write 7"},
		{`5x`, 1, "a number is followed by a letter"},
		{`"é" = ID`, 5, "write == to compare"}, // columns are characters
		{"n > 5 \u200b", 7, "has no meaning here"},
		{"x == \"\xff\"", 1, "not valid UTF-8"},
		{`1 + not x`, 5, "put parentheses around this 'not'"},
		{`x[]`, 3, "] where an index should be"},
		{`x[1,2]`, 4, ", where ']' after the index should be"},
		{`"\ud800"`, 2, "\\u wants 4 hexadecimal digits of a character"},
		{strings.Repeat("(", 65) + "1" + strings.Repeat(")", 65), 65, "nested more than 64 levels deep"},
		{strings.Repeat("-", 100) + "1", 64, "nested more than 64 levels deep"},
		{strings.Repeat("not ", 100) + "1", 253, "nested more than 64 levels deep"},
		{strings.Repeat("2**", 100) + "1", 193, "nested more than 64 levels deep"},
		{strings.Repeat("1 if 1 else ", 100) + "1", 769, "nested more than 64 levels deep"},
		{strings.Repeat("1+", 2048) + "1", 1, "longer than 4096 bytes"},
		{"\n \u00a0x = 1 ", 6, "="}, // the space before it counts, too
		{"  x >", 6, "the expression ends"},
	}
	for _, tt := range tests {
		_, err := Compile(tt.src)
		e, ok := errors.AsType[*SyntaxError](err)
		if !ok || e.Column != tt.column || !strings.Contains(e.Message, tt.says) {
			t.Errorf("Compile(%.40q) = %v\nwant column %d: %s", tt.src, err, tt.column, tt.says)
		}
	}
}

func TestExcerpt(t *testing.T) {
	_, err := Compile("\"é\" in\tx = 1")
	e, ok := errors.AsType[*SyntaxError](err)
	if !ok {
		t.Fatal(err)
	}
	if got, want := e.Excerpt(), "\"é\" in x = 1\n         ^"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	_, err = Compile("\n\tx = 1")
	if e, ok = errors.AsType[*SyntaxError](err); !ok || e.Excerpt() != "  x = 1\n    ^" {
		t.Errorf("with space before it: %v", err)
	}
}

func TestEmptySelectsEveryone(t *testing.T) {
	for _, src := range []string{"", " ", "\n\t "} {
		x, err := Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := x.Eval(nil); !ok || err != nil {
			t.Errorf("%q: %t, %v", src, ok, err)
		}
		if e := x.Explain(nil); !e.Selected() || e.String() != "true   everyone\n" {
			t.Errorf("%q: %+v", src, e)
		}
	}
}

func TestEvalErrors(t *testing.T) {
	attrs := map[string]any{"data_qnt": 60.0, "sensors": []string{"camera"}, "acc": nil, "info": map[string]any{}, "bad": json.Number("x")}
	tests := []struct {
		src  string
		kind error
		says string
	}{
		{`data_qnt > 50 and missing == 1`, ErrName, "name error at column 19: the client has no missing"},
		{`"é" in sensors or acc > 5`, ErrType, "type error at column 19: '>' is not supported between 'NoneType' and 'int'"},
		{`data_qnt > "50"`, ErrType, "type error at column 1: '>' is not supported between 'float' and 'str'"},
		{`sensors[3] == "x"`, ErrValue, "value error at column 1: index 3 is outside of 1 elements"},
		{`1 + data_qnt / 0`, ErrValue, "value error at column 5: division by zero"},
		{`info == 1`, ErrType, "type error at column 1: an attribute of type map[string]interface {} cannot be used: only text, numbers, booleans, null and lists"},
		{`bad == 1`, ErrValue, `value error at column 1: "x" is not a number`},
		{`2 ** 63`, ErrLimit, "limit at column 1: the number does not fit into 64 bits"},
		{`sensors.lower()`, ErrType, "type error at column 1: a 'list' has no lower()"},
	}
	for _, tt := range tests {
		x, err := Compile(tt.src)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		ok, err := x.Eval(attrs)
		if ok || !errors.Is(err, tt.kind) || err.Error() != tt.says {
			t.Errorf("%s: %t, %v\nwant %s", tt.src, ok, err, tt.says)
		}
	}
}

func TestAttributeTypes(t *testing.T) {
	attrs := map[string]any{
		"s": "x", "f": 1.5, "i": int64(7), "j": 8, "b": true, "none": nil, "num": json.Number("9007199254740993"),
		"fnum": json.Number("1e2"), "big": json.Number("99999999999999999999"), "items": []any{"a", json.Number("1"), nil, []any{true}}, "texts": []string{"a"},
	}
	for _, src := range []string{
		`s == "x"`, `f == 1.5`, `i == 7`, `j == 8`, `b is True`, `none is None`, `num == 9007199254740993`, `str(num) == "9007199254740993"`,
		`str(fnum) == "100.0"`, `big == 1e20`, `items == ["a", 1, None, [True]]`, `texts == ["a"]`, `"a" in texts`,
	} {
		x, err := Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := x.Eval(attrs); !ok || err != nil {
			t.Errorf("%s: %t, %v", src, ok, err)
		}
	}
}

func TestNames(t *testing.T) {
	tests := map[string][]string{
		`(data_qnt > 50) and ("camera" in sensors) and data_qnt < 90`: {"data_qnt", "sensors"},
		`any(s == kind for s in sensors if s != other)`:               {"kind", "sensors", "other"},
		`any(s for s in s) and s`:                                     {"s"},
		`any(s for s in [1])`:                                         nil,
		`any(any(b == a for b in bs) for a in [1]) or b`:              {"bs", "b"},
		`1`: nil,
	}
	for src, want := range tests {
		x, err := Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, x.Names()); diff != "" {
			t.Errorf("%s: %s", src, diff)
		}
	}
}

// What an attacker would try: each must end soon, with ErrLimit.
func TestLimits(t *testing.T) {
	long := make([]any, 9000)
	for i := range long {
		long[i] = fmt.Sprint(i, strings.Repeat("x", 1000))
	}
	attrs := map[string]any{"xs": long, "text": strings.Repeat("a", 1<<20)}
	for _, src := range []string{
		`any(any(any(False for c in xs) for b in xs) for a in xs)`,
		`any(` + strings.Repeat("(0 or 0) or ", 300) + `0 for a in xs)`,
		`any(` + strings.Repeat("not ", 49) + `1 for a in [0] * 10000)`,
		`all((1 if ` + strings.Repeat("1 and ", 300) + `1 else 0) for a in [0] * 10000)`,
		`any(any([a] * 9999 == [b] * 9999 and 0 for a in xs) for b in xs)`,
		`"x" * 99999999`,
		`[0] * 99999999`,
		`("x" * 60000) + ("x" * 60000)`,
		`[[[[[[0] * 10000] * 10000] * 10000] * 10000] * 10000] == [[[[[[0] * 10000] * 10000] * 10000] * 10000] * 10000]`,
		`set([((((0,) * 10000,) * 10000,) * 10000,)])`,
		`set((a, text) for a in xs)`,
		`sorted(xs * 9999)`,
		`any(text.upper() == text for a in xs)`,
		`any(text[5:] == text for a in xs)`,
		`text[::-1]`,
		`list(text)`,
		`9 ** 9 ** 9`,
		`9999999999 * 9999999999`,
		`-9223372036854775807 - 2`,
		`any(xs == xs and 0 for a in xs)`,
	} {
		x, err := Compile(src)
		if err != nil {
			t.Errorf("%.60s: %v", src, err)
			continue
		}
		start := time.Now()
		_, err = x.Eval(attrs)
		if took := time.Since(start); !errors.Is(err, ErrLimit) || took > 2*time.Second {
			t.Errorf("%.60s: %v after %v, want ErrLimit soon", src, err, took)
		}
	}
}

func TestConcurrentEval(t *testing.T) {
	x, err := Compile(`any(s == "ecu" for s in sensors) and data_qnt in [1, 2, 60]`)
	if err != nil {
		t.Fatal(err)
	}
	attrs := map[string]any{"data_qnt": int64(60), "sensors": []string{"camera", "ecu"}}
	done := make(chan bool)
	for range 4 {
		go func() {
			good := true
			for range 500 {
				ok, err := x.Eval(attrs)
				good = good && ok && err == nil
			}
			done <- good
		}()
	}
	for range 4 {
		if !<-done {
			t.Error("evaluations disturb each other")
		}
	}
}

func FuzzEval(f *testing.F) {
	for line := range strings.SplitSeq(corners, "\n") {
		f.Add(line)
	}
	f.Add(`(data_qnt > 50) and ("camera" in sensors)`)
	attrs := clientAttrs(f)
	f.Fuzz(func(t *testing.T, src string) {
		x, err := Compile(src)
		if err != nil {
			e, ok := errors.AsType[*SyntaxError](err)
			if !ok || e.Column < 1 || e.Message == "" || e.Excerpt() == "" {
				t.Fatalf("%q: %#v", src, err)
			}
			return
		}
		for _, a := range attrs {
			start := time.Now()
			ok, err := x.Eval(a)
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%q took %v", src, took)
			}
			if e, isEval := errors.AsType[*EvalError](err); err != nil && (!isEval || e.Column < 1 || e.Kind == nil || ok) {
				t.Errorf("%q: %t, %#v", src, ok, err)
			}
			why := x.Explain(a)
			if why.Selected() != ok || (why.Outcome == OutcomeError) != (err != nil) || !ok && len(why.Reasons()) == 0 {
				t.Errorf("%q: Eval says %t, %v and Explain %+v", src, ok, err, why)
			}
		}
	})
}

func BenchmarkEval(b *testing.B) {
	attrs := map[string]any{"data_qnt": int64(60), "sensors": []string{"lidar", "ecu", "camera"}, "ID": "c1"}
	decoded := map[string]any{"data_qnt": json.Number("60"), "sensors": []any{"lidar", "ecu", "camera"}, "ID": "c1"}
	for name, src := range map[string]string{
		"contract":  `(data_qnt > 50) and ("camera" in sensors)`,
		"generator": `any(s.startswith("cam") for s in sensors)`,
	} {
		x, err := Compile(src)
		if err != nil {
			b.Fatal(err)
		}
		for kind, a := range map[string]map[string]any{"typed": attrs, "json": decoded} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if ok, err := x.Eval(a); !ok || err != nil {
						b.Fatal(ok, err)
					}
				}
			})
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(`(data_qnt > 50) and ("camera" in sensors)`); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleExpr_Explain() {
	x, err := Compile(`data_qnt > 50 and ("camera" in sensors or "lidar" in sensors)`)
	if err != nil {
		fmt.Println(err)
		return
	}
	why := x.Explain(map[string]any{"data_qnt": int64(12), "sensors": []string{"camera"}})
	fmt.Print(why)
	fmt.Println(why.Reasons())
	// Output:
	// false  data_qnt > 50 and ("camera" in sensors or "lidar" in sensors)
	// false    data_qnt > 50   # data_qnt = 12   <--
	// [true]   "camera" in sensors or "lidar" in sensors
	// [true]     "camera" in sensors   # sensors = ['camera']
	// [false]    "lidar" in sensors   # sensors = ['camera']
	// [data_qnt > 50 is false (data_qnt = 12)]
}
