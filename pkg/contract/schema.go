package contract

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed schemas/*.json
var schemaFiles embed.FS

// Schemas holds the compiled schemas of requests, by function name. It is safe
// for concurrent use.
type Schemas struct{ byName map[string]*jsonschema.Schema }

// CompileSchemas compiles every embedded schema, once for a process or service.
func CompileSchemas() (*Schemas, error) {
	names, err := fs.Glob(schemaFiles, "schemas/*.json")
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	s := &Schemas{byName: make(map[string]*jsonschema.Schema, len(names))}
	for _, file := range names {
		raw, err := schemaFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("read schema %s: %w", file, err)
		}
		if err := c.AddResource(file, doc); err != nil {
			return nil, fmt.Errorf("add schema %s: %w", file, err)
		}
		sch, err := c.Compile(file)
		if err != nil {
			return nil, fmt.Errorf("compile schema %s: %w", file, err)
		}
		s.byName[strings.TrimSuffix(path.Base(file), ".json")] = sch
	}
	return s, nil
}

// Functions lists the names of every function that has a schema, in order.
func Functions() []string {
	entries, err := schemaFiles.ReadDir("schemas")
	if err != nil { // cannot be: it is in the binary
		panic(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".json")
	}
	return names
}

// Schema returns the source of a function's schema, for documentation and forms.
func Schema(fn string) ([]byte, error) {
	return schemaFiles.ReadFile("schemas/" + fn + ".json")
}

// Has tells whether the function's requests have a schema.
func (s *Schemas) Has(fn string) bool { return s.byName[fn] != nil }

// Validate checks a request's body against the function's schema. The error
// says in one line what is wrong and where.
func (s *Schemas) Validate(fn string, body []byte) error {
	err := s.check(fn, body)
	if ve, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return errors.New(strings.Join(leaves(ve, nil), "; "))
	}
	return err
}

// Faults checks as Validate does, and says what is wrong with each field at
// fault, by its path, such as "port" or "tags.2": for forms, which show it beside
// the field. The error is about the body as a whole.
func (s *Schemas) Faults(fn string, body []byte) (map[string]string, error) {
	err := s.check(fn, body)
	ve, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return nil, err
	}
	found := map[string]string{}
	faults(ve, found)
	return found, nil
}

func (s *Schemas) check(fn string, body []byte) error {
	if !utf8.Valid(body) {
		return errors.New("the body is not UTF-8")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	if _, ok := doc.(map[string]any); !ok {
		return errors.New("the body is not a JSON object")
	}
	if err := checkNumbers(doc); err != nil {
		return err
	}
	sch := s.byName[fn]
	if sch == nil {
		return nil
	}
	return sch.Validate(doc)
}

// checkNumbers refuses numbers beyond float64: the validator computes exactly,
// and 1e999999999 would keep it busy for ever.
func checkNumbers(v any, path ...string) error {
	switch v := v.(type) {
	case json.Number:
		if _, err := v.Float64(); err != nil {
			return fmt.Errorf("%s: the number %.32s is out of range", strings.Join(path, "."), v)
		}
	case []any:
		for i, item := range v {
			if err := checkNumbers(item, append(path, strconv.Itoa(i))...); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, item := range v {
			if err := checkNumbers(item, append(path, key)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaves gathers the innermost causes, each with the path of what it is about.
func leaves(e *jsonschema.ValidationError, found []string) []string {
	if len(e.Causes) > 0 {
		for _, c := range e.Causes {
			found = leaves(c, found)
		}
		return found
	}
	text := inWords(e.ErrorKind)
	if len(e.InstanceLocation) > 0 {
		text = strings.Join(e.InstanceLocation, ".") + ": " + text
	}
	return append(found, text)
}

func inWords(k jsonschema.ErrorKind) string {
	switch k := k.(type) { // without separators of thousands
	case *kind.Maximum:
		return fmt.Sprintf("maximum: got %s, want %s", k.Got.RatString(), k.Want.RatString())
	case *kind.Minimum:
		return fmt.Sprintf("minimum: got %s, want %s", k.Got.RatString(), k.Want.RatString())
	}
	return k.LocalizedString(message.NewPrinter(language.English))
}

// faults puts each innermost cause under the field that it is about; what is
// missing and what is unknown are fields, too.
func faults(e *jsonschema.ValidationError, found map[string]string) {
	for _, c := range e.Causes {
		faults(c, found)
	}
	if len(e.Causes) > 0 {
		return
	}
	at := func(more ...string) string { return strings.Join(slices.Concat(e.InstanceLocation, more), ".") }
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			found[at(name)] = "is required"
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			found[at(name)] = "is not a field of this request"
		}
	default:
		found[at()] = inWords(k)
	}
}
