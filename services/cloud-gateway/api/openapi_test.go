package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/agata-fl/agata/docs"
)

// description is docs/openapi.yaml, ready to hold answers against.
type description struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	schemas  map[string]*jsonschema.Schema
}

const specURL = "https://agata.example/openapi.yaml"

var spec = sync.OnceValue(func() *description {
	var doc map[string]any
	must(yaml.Unmarshal(docs.OpenAPI, &doc))
	b, err := json.Marshal(doc)
	must(err)
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	must(err)
	d := &description{doc: plain.(map[string]any), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	must(d.compiler.AddResource(specURL, plain))
	return d
})

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// at follows a JSON pointer's tokens and the references on its way. It returns
// what is there and its own pointer.
func (d *description) at(tokens ...string) (any, string) {
	var v any = d.doc
	pointer := "#"
	for _, token := range tokens {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, ""
		}
		if v, ok = m[token]; !ok {
			return nil, ""
		}
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
		if m, ok := v.(map[string]any); ok && m["$ref"] != nil {
			var path []string
			for token := range strings.SplitSeq(strings.TrimPrefix(m["$ref"].(string), "#/"), "/") {
				path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
			}
			v, pointer = d.at(path...)
		}
	}
	return v, pointer
}

func (d *description) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.schemas[pointer]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile(specURL + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(pointer))
	if err == nil {
		d.schemas[pointer] = s
	}
	return s, err
}

// validate holds JSON against the schema at a pointer.
func (d *description) validate(t testing.TB, what, pointer, body string) {
	t.Helper()
	s, err := d.schema(pointer)
	if err != nil {
		t.Errorf("%s: the schema %s: %v", what, pointer, err)
		return
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Errorf("%s: %v: %.300s", what, err, body)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: the answer is not as %s has it: %v\n%.2000s", what, pointer, err, body)
	}
}

// check holds an answer against what the description says of its route; pattern
// is the route's, "" for a path that is none.
func (d *description) check(t testing.TB, pattern string, req *http.Request, a answer) {
	t.Helper()
	what := req.Method + " " + req.URL.RequestURI() + ": " + strconv.Itoa(a.status)
	method, path, ok := strings.Cut(pattern, " ")
	if !ok { // no operation
		d.validate(t, what, "#/components/schemas/Problem", a.body)
		return
	}
	path = strings.ReplaceAll(path, "...}", "}")
	response, _ := d.at("paths", path, strings.ToLower(method), "responses", strconv.Itoa(a.status))
	if response == nil && a.status < 400 {
		t.Errorf("%s is not described", what)
		return
	}
	tokens := []string{"paths", path, strings.ToLower(method), "responses", strconv.Itoa(a.status)}
	if response == nil {
		tokens[4] = "default"
	}
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	content, _ := d.at(append(tokens, "content")...)
	switch {
	case content == nil && a.body != "":
		t.Errorf("%s has a body, and none is described: %.200s", what, a.body)
		return
	case content == nil || a.body == "" && req.Method == http.MethodHead:
		return
	case err != nil:
		t.Errorf("%s: the content type %q: %v", what, a.header.Get("Content-Type"), err)
		return
	}
	if described, _ := d.at(append(tokens, "content", kind)...); described == nil {
		t.Errorf("%s: the content type %q is not described", what, kind)
		return
	}
	if headers, _ := d.at(append(tokens, "headers")...); headers != nil {
		for name := range headers.(map[string]any) {
			if a.header.Get(name) == "" && name != "Retry-After" && name != "Idempotent-Replayed" {
				t.Errorf("%s lacks the header %s", what, name)
			}
		}
	}
	if _, pointer := d.at(append(tokens, "content", kind, "schema")...); pointer != "" && strings.HasSuffix(kind, "json") {
		d.validate(t, what, pointer, a.body)
	}
}

// TestDescriptionHasEveryRoute, and no others, each with its parameters.
func TestDescriptionHasEveryRoute(t *testing.T) {
	d, w := spec(), newWorld(t, nil)
	described := map[string][]string{} // query parameters by operation
	paths, _ := d.at("paths")
	for path, item := range paths.(map[string]any) {
		if !strings.HasPrefix(path, Prefix+"/") {
			continue
		}
		for method, op := range item.(map[string]any) {
			if method == "parameters" {
				continue
			}
			names, inPath := []string{}, []string{}
			for _, where := range [][]string{{"paths", path}, {"paths", path, method}} {
				list, _ := d.at(append(where, "parameters")...)
				params, _ := list.([]any)
				for _, p := range params {
					param := p.(map[string]any)
					if ref, ok := param["$ref"].(string); ok {
						v, _ := d.at("components", "parameters", ref[strings.LastIndex(ref, "/")+1:])
						param = v.(map[string]any)
					}
					switch param["in"] {
					case "query":
						names = append(names, param["name"].(string))
					case "path":
						inPath = append(inPath, "{"+param["name"].(string)+"}")
					}
				}
			}
			slices.Sort(names)
			described[strings.ToUpper(method)+" "+path] = names
			for _, name := range inPath {
				if !strings.Contains(path, name) {
					t.Errorf("%s %s: the path has no %s", method, path, name)
				}
			}
			if strings.Count(path, "{") != len(inPath) {
				t.Errorf("%s %s describes %v of its path", method, path, inPath)
			}
			operation := op.(map[string]any)
			if operation["operationId"] == nil || operation["summary"] == nil || operation["tags"] == nil {
				t.Errorf("%s %s lacks an id, a summary or tags", method, path)
			}
		}
	}
	registered := map[string][]string{}
	for _, rt := range w.api.routes() {
		registered[rt.method+" "+Prefix+strings.ReplaceAll(rt.path, "...}", "}")] = slices.Sorted(slices.Values(rt.query))
		if rt.query == nil {
			registered[rt.method+" "+Prefix+strings.ReplaceAll(rt.path, "...}", "}")] = []string{}
		}
	}
	for op := range registered {
		if registered[op] == nil {
			registered[op] = []string{}
		}
	}
	if diff := cmp.Diff(registered, described); diff != "" {
		t.Errorf("(-registered +described):\n%s", diff)
	}
	ids := map[string]bool{}
	for path, item := range paths.(map[string]any) {
		for _, method := range slices.Sorted(maps.Keys(item.(map[string]any))) {
			if op, ok := item.(map[string]any)[method].(map[string]any); ok {
				id, _ := op["operationId"].(string)
				if ids[id] {
					t.Errorf("%s %s: the operationId %s is taken", method, path, id)
				}
				ids[id] = true
			}
		}
	}
}

// TestDescriptionCompiles: every schema is one, also those that no test uses.
func TestDescriptionCompiles(t *testing.T) {
	d := spec()
	schemas, _ := d.at("components", "schemas")
	for name := range schemas.(map[string]any) {
		if _, err := d.schema("#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var walk func(v any, at string)
	walk = func(v any, at string) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				var path []string
				for token := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
					path = append(path, token)
				}
				if found, _ := d.at(path...); found == nil {
					t.Errorf("%s refers to %s, which is not there", at, ref)
				}
			}
			for name, inside := range v {
				walk(inside, at+"/"+name)
			}
		case []any:
			for i, inside := range v {
				walk(inside, at+"/"+strconv.Itoa(i))
			}
		}
	}
	walk(d.doc, "#")
}
