package clientgateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

func TestOutcomesOverRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client-gateway", "commands.json")
	o, err := loadOutcomes(path)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 2*maxOutcome)
	for i := range maxOutcomes + 20 {
		o.add(contract.CommandResult{ID: fmt.Sprint(i), Error: long})
	}
	if err := o.remember(contract.CommandResult{ID: "last"}); err != nil {
		t.Fatal(err)
	}
	if err := o.remember(contract.CommandResult{ID: "last", Error: "another one"}); err != nil {
		t.Fatal(err)
	}
	o, err = loadOutcomes(path)
	if err != nil || len(o.list) != maxOutcomes || len(o.byID) != maxOutcomes {
		t.Fatalf("%d, %d outcomes, %v", len(o.list), len(o.byID), err)
	}
	if r, known := o.of("last"); !known || r.Error != "" {
		t.Errorf("got %+v, %t", r, known)
	}
	if _, known := o.of("20"); known {
		t.Error("the oldest is remembered")
	}
	if r, known := o.of("21"); !known || len(r.Error) != maxOutcome {
		t.Errorf("got %d bytes, %t", len(r.Error), known)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
	for _, text := range []string{"", "{", `{"version":2}`, `{"version":1,"outcomes":[{"id":`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := loadOutcomes(path)
		if err == nil {
			t.Errorf("%q was read", text)
		}
		if err := o.remember(contract.CommandResult{ID: "1"}); err != nil { // it can be used
			t.Error(err)
		}
	}
}
