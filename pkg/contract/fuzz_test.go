package contract

import (
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"
)

// FuzzRequest: whatever is sent as the arguments of a function, what its schema
// lets through is one object with fields of the schema alone, and what it refuses
// is said by Faults as well.
func FuzzRequest(f *testing.F) {
	schemas, err := CompileSchemas()
	if err != nil {
		f.Fatal(err)
	}
	functions := make([]string, 0, len(schemas.byName))
	for fn := range schemas.byName {
		functions = append(functions, fn)
	}
	slices.Sort(functions)
	fields := map[string]map[string]json.RawMessage{}
	for _, fn := range functions {
		var s struct {
			Properties map[string]json.RawMessage `json:"properties"`
		}
		text, err := Schema(fn)
		if err == nil {
			err = json.Unmarshal(text, &s)
		}
		if err != nil {
			f.Fatal(err)
		}
		fields[fn] = s.Properties
	}
	at := func(fn string) uint8 { return uint8(slices.Index(functions, fn)) }
	f.Add(at(CreateTask.Name), []byte(`{"task_id":"a","host":"h","port":1,"username":"u","password":"p","files_paths":["client.py"],"tags":["x"],"selection_criteria":"a > 1"}`))
	f.Add(at(UpdateUser.Name), []byte(`{"user_id":"u","data_qnt":1e3,"sensors":["camera"],"attributes":{"a":[1,{"b":null}]}}`))
	f.Add(at(UpdateUser.Name), []byte(`{"user_id":"u","user_id":"v","data_qnt":1e999999999}`))
	f.Add(at(GetTask.Name), []byte(`{"task_id":"..","Task_ID":"a"}`))
	f.Add(at(StartServerTask.Name), []byte("{\"task_id\":\"a\",\"arguments\":\"\xff\"}"))
	f.Add(at(ListTasks.Name), []byte(`{"limit":-0.0,"after":"~1","order":"newest"}`))
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		fn := functions[int(which)%len(functions)]
		err := schemas.Validate(fn, body)
		faults, err2 := schemas.Faults(fn, body)
		if (err == nil) != (err2 == nil && len(faults) == 0) {
			t.Errorf("%s %q: %v, but %v, %v", fn, body, err, faults, err2)
		}
		if err != nil {
			if err.Error() == "" || !utf8.ValidString(err.Error()) {
				t.Errorf("%s %q is refused with %q", fn, body, err)
			}
			return
		}
		var got map[string]json.RawMessage
		if err := json.Unmarshal(body, &got); err != nil || got == nil {
			t.Fatalf("%s %q is no object: %v", fn, body, err)
		}
		for name := range got {
			if _, ok := fields[fn][name]; !ok {
				t.Errorf("%s takes %q, with the unknown field %q", fn, body, name)
			}
		}
	})
}
