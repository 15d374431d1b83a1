package contract

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
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

// Schema returns the source of a function's schema, for documentation and forms.
func Schema(fn string) ([]byte, error) {
	return schemaFiles.ReadFile("schemas/" + fn + ".json")
}

// Has tells whether the function's requests have a schema.
func (s *Schemas) Has(fn string) bool { return s.byName[fn] != nil }

// Validate checks a request's body against the function's schema. The error
// says in one line what is wrong and where.
func (s *Schemas) Validate(fn string, body []byte) error {
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
	err = sch.Validate(doc)
	if ve, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return errors.New(strings.Join(leaves(ve, nil), "; "))
	}
	return err
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
	text := e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	switch k := e.ErrorKind.(type) { // without separators of thousands
	case *kind.Maximum:
		text = fmt.Sprintf("maximum: got %s, want %s", k.Got.RatString(), k.Want.RatString())
	case *kind.Minimum:
		text = fmt.Sprintf("minimum: got %s, want %s", k.Got.RatString(), k.Want.RatString())
	}
	if len(e.InstanceLocation) > 0 {
		text = strings.Join(e.InstanceLocation, ".") + ": " + text
	}
	return append(found, text)
}
