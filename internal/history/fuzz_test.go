package history

import (
	"encoding/json"
	"testing"

	"github.com/agata-fl/agata/pkg/contract"
)

// FuzzCursor: a cursor that is taken is within the times that make sense, and the
// one that is made of it leads to the same place.
func FuzzCursor(f *testing.F) {
	f.Add(executionPlace(1.7e9, "0190a7d4-5c3e-7cc1-9d0b-2a5d5b7c1f10"))
	f.Add(place(Entry{Record: contract.Record{Time: 1.7e9}, Seq: 5}))
	for _, s := range []string{"", "~1", "MSAx", "MWU5OTkgMQ", "TmFOIDE", "=", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		if at, seq, err := parsePlace(cursor); err == nil {
			again, seq2, err := parsePlace(place(Entry{Record: contract.Record{Time: at}, Seq: seq}))
			if !sane(at) || err != nil || again != at || seq2 != seq {
				t.Errorf("%q: %v %d, then %v %d, %v", cursor, at, seq, again, seq2, err)
			}
		}
		if started, id, err := parseExecutionPlace(cursor); err == nil {
			again, id2, err := parseExecutionPlace(executionPlace(started, id))
			if !sane(started) || err != nil || again != started || id2 != id {
				t.Errorf("%q: %v %q, then %v %q, %v", cursor, started, id, again, id2, err)
			}
		}
	})
}

// FuzzAccept: a record of a client that is stored is within its bounds, and is
// stored alike when it comes again.
func FuzzAccept(f *testing.F) {
	for _, s := range []string{
		`{"id":"1","kind":"event","time":1700000000,"event":{"time":1700000000,"service":"s","function":"f","event":"e"}}`,
		`{"id":"1","kind":"round","time":1700000000,"task":"t","round":{"side":"client","round":"1","acc":"0.5"}}`,
		`{"id":"1","kind":"execution","execution":"x","time":1e300,"run":{"state":"failed","last_lines":["\u0000"]}}`,
		`{"id":"1","kind":"client","client":"c","state":{"running":[{}]}}`,
		`{"id":"1","kind":"client"}`, `{}`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r contract.Record
		if json.Unmarshal(body, &r) != nil {
			return
		}
		kept, err := accept(r)
		if err != nil {
			return
		}
		for _, name := range []string{kept.ID, kept.Client, kept.Task, kept.Execution} {
			if len(name) > maxName {
				t.Errorf("%q keeps a name of %d bytes", body, len(name))
			}
		}
		one, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		again, err := accept(kept)
		if err != nil {
			t.Fatalf("%q is kept, and then refused: %v", body, err)
		}
		if two, err := json.Marshal(again); err != nil || string(one) != string(two) {
			t.Errorf("%q: %s, then %s, %v", body, one, two, err)
		}
	})
}
