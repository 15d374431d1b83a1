package contract

import (
	"strings"
	"testing"
)

func TestFaultsNameTheFields(t *testing.T) {
	schemas, err := CompileSchemas()
	if err != nil {
		t.Fatal(err)
	}
	const good = `"task_id":"a","host":"h","username":"u","password":"p","files_paths":[]`
	for _, tc := range []struct {
		body string
		want map[string]string // the beginning of what is said of each
	}{
		{`{` + good + `,"port":1}`, map[string]string{}},
		{`{` + good + `,"port":70000}`, map[string]string{"port": "maximum: got 70000, want 65535"}},
		{`{` + good + `}`, map[string]string{"port": "is required"}},
		{`{}`, map[string]string{"task_id": "is required", "host": "is required", "port": "is required", "username": "is required", "password": "is required", "files_paths": "is required"}},
		{`{` + good + `,"port":"1","colour":"red"}`, map[string]string{"port": "got string, want integer", "colour": "is not a field"}},
		{`{` + good + `,"port":1,"tags":["a",2]}`, map[string]string{"tags.1": "got number, want string"}},
	} {
		got, err := schemas.Faults(CreateTask.Name, []byte(tc.body))
		if err != nil || len(got) != len(tc.want) {
			t.Errorf("%s: %v, %v", tc.body, got, err)
			continue
		}
		for name, text := range tc.want {
			if !strings.HasPrefix(got[name], text) {
				t.Errorf("%s: %s %q, want %q", tc.body, name, got[name], text)
			}
		}
	}
	for _, body := range []string{``, `[]`, `{`, "{\"task_id\":\"\xff\"}", `{"port":1e999}`} {
		if got, err := schemas.Faults(CreateTask.Name, []byte(body)); err == nil || len(got) != 0 {
			t.Errorf("%q: %v, %v", body, got, err)
		}
	}
}
