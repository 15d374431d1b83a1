package house

import (
	"encoding/json"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/agata-fl/agata"

// pkg is what the rules look at.
type pkg struct {
	ImportPath, Doc, Name, Dir string
	Imports                    []string
	Standard                   bool
	Deps                       []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,Name,Dir,Imports,Deps", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// room is the part of an import path below the module, "" outside of it.
func room(importPath string) string {
	rest, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	return rest
}

// service is the service that a package below services/ belongs to, "" for others.
func service(room string) string {
	rest, ok := strings.CutPrefix(room, "services/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func TestImportRules(t *testing.T) {
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		for _, dep := range p.Deps {
			to := room(dep)
			switch {
			case strings.HasPrefix(from, "services/") && strings.HasPrefix(to, "services/") && service(from) != service(to):
				t.Errorf("%s imports %s: services talk by RPC", from, to)
			case strings.HasPrefix(from, "pkg/") && (strings.HasPrefix(to, "internal/") || strings.HasPrefix(to, "services/")):
				t.Errorf("%s imports %s: what others may import stands on nothing that they may not", from, to)
			case from == "internal/amqpd" && strings.Contains(strings.SplitN(dep, "/", 2)[0], "."):
				t.Errorf("%s imports %s: the embedded broker stands on the standard library alone", from, dep)
			}
		}
		for _, dep := range p.Imports {
			if strings.HasPrefix(room(dep), "services/") && service(room(dep)) != service(from) && from != "internal/app" && !strings.HasPrefix(from, "cmd/") {
				t.Errorf("%s imports %s: only internal/app and cmd do", from, dep)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	forbidden := []string{"util", "utils", "common", "helpers", "types", "models", "misc"}
	list := packages(t)
	if len(list) < 20 {
		t.Fatalf("only %d packages were found", len(list))
	}
	for _, p := range list {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if slices.Contains(forbidden, path.Base(p.ImportPath)) {
			t.Errorf("%s has a name that says nothing", p.ImportPath)
		}
	}
}
