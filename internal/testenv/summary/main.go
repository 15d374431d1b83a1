// Command summary reads `go test -json` from standard input, shows what
// failed and what was skipped, and ends with one line of counts. It exits 1 when
// a test failed, a package did not build or, with -strict, a test was skipped.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// event is a line of test2json.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

type counts struct{ passed, failed, skipped int }

func main() {
	strict := flag.Bool("strict", false, "a skipped test is a failure")
	flag.Parse()
	c, err := read()
	if err != nil {
		fmt.Fprintf(os.Stderr, "summary: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", c.passed, c.failed, c.skipped)
	if c.failed > 0 || c.passed == 0 || *strict && c.skipped > 0 {
		os.Exit(1)
	}
}

// read counts tests, not subtests' parents twice: each name once.
func read() (c counts, err error) {
	output := map[string][]string{}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // the go command's own words
			continue
		}
		key := e.Package + e.ImportPath + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			output[key] = append(output[key], e.Output)
			continue
		case "pass":
			if e.Test != "" {
				c.passed++
			} else {
				fmt.Printf("ok   %s  %s\n", e.Package, time.Duration(e.Elapsed*float64(time.Second)).Round(time.Millisecond))
			}
		case "fail", "build-fail":
			if e.Test != "" || e.Action == "build-fail" || len(output[key]) > 0 {
				fmt.Printf("FAIL %s\n%s", key, strings.Join(output[key], ""))
			}
			if e.Test != "" || e.Action == "build-fail" {
				c.failed++
			}
		case "skip":
			if e.Test != "" {
				c.skipped++
				fmt.Printf("SKIP %s\n%s", key, strings.Join(output[key], ""))
			}
		default:
			continue
		}
		delete(output, key)
	}
	return c, in.Err()
}
