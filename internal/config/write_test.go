package config

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// readByPython reads texts as the Python programs read config.ini: one map of
// sections for each, or nil where Python refuses the text.
func readByPython(t *testing.T, texts ...string) []map[string]map[string]string {
	t.Helper()
	const program = `
import configparser, io, json, sys
def read(text):
    c = configparser.ConfigParser()
    try:
        c.read_file(io.StringIO(text, newline=None))
        return {s: dict(c[s]) for s in c.sections()}
    except configparser.Error:
        return None
json.dump([read(t) for t in json.load(sys.stdin)], sys.stdout)`
	in, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-c", program)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v", err)
	}
	var got []map[string]map[string]string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPythonReadsWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	c, err := Load(LoadOptions{
		Path: "testdata/good/everything.ini", Data: dir,
		Overrides: map[string]string{"server.broker.password": "100%(x)s#;`", "client.broker.password": `"""`, "client.broker.user": "%"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.ClientBroker.Port = 40001 // what a listener got for port 0
	path := filepath.Join(dir, "config.ini")
	if err := c.WriteEffective(path); err != nil {
		t.Fatal(err)
	}
	py := readByPython(t, read(t, path))[0]
	for _, f := range fields() {
		if got, want := py[f.section()][f.key()], f.value(c).text(); got != want {
			t.Errorf("python reads %s = %q, want %q", f.name, got, want)
		}
	}
	if py["client.broker"]["port"] != "40001" || py["client.info"]["town"] != "Rio de Janeiro" {
		t.Errorf("python reads port %q, town %q", py["client.broker"]["port"], py["client.info"]["town"])
	}
	again, err := Load(LoadOptions{Path: path, Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	if diff := diffConfigs(c, again); diff != "" {
		t.Errorf("read back (-written +read):\n%s", diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}

// diffConfigs compares what users of a Config see, apart from the layers.
func diffConfigs(a, b *Config) string {
	return cmp.Diff(a, b, cmpopts.IgnoreUnexported(Config{}),
		cmp.AllowUnexported(Attribute{}), cmpopts.EquateEmpty(), cmp.Transformer("reveal", Secret.Reveal))
}

// TestPythonReadsAlike compares us with Python on the good files and on random
// mutations of all test files: what we accept, Python accepts and reads alike.
// The one liberty is a lone percent sign, which we take as it is.
func TestPythonReadsAlike(t *testing.T) {
	var texts []string
	for _, path := range append(files(t, "testdata/good/*.ini"), files(t, "testdata/bad/*.ini")...) {
		texts = append(texts, read(t, path))
	}
	pieces := []string{"\n", "\r\n", " ", "\t", "[", "]", "[a]\n", "[rpc]\n", "=", ":", "#", ";", "%%", "`", "\"\"\"", "'", "\\", "\\\n", "k=v\n", " k=v\n", "-=x\n", "\u00a0", "é", "=\n", "a.b=c\n"}
	random := rand.New(rand.NewPCG(1, 2))
	for original := slices.Clone(texts); len(texts) < 3000; {
		text := original[random.IntN(len(original))]
		for range 1 + random.IntN(3) {
			i := random.IntN(len(text) + 1)
			text = text[:i] + pieces[random.IntN(len(pieces))] + text[min(len(text), i+random.IntN(4)):]
		}
		texts = append(texts, text)
	}
	accepted := 0
	for i, theirs := range readByPython(t, texts...) {
		entries, sections, errs := parseFile("config.ini", []byte(texts[i]))
		inherits := slices.ContainsFunc(sections, func(s entry) bool { return s.section == "DEFAULT" }) // refused by Load
		lonePercent := strings.Contains(strings.ReplaceAll(texts[i], "%%", ""), "%")
		if len(errs) > 0 || inherits || lonePercent {
			continue
		}
		accepted++
		ours := map[string]map[string]string{}
		for _, s := range sections {
			ours[s.section] = map[string]string{}
		}
		for _, e := range entries {
			ours[e.section][e.key] = e.value
		}
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("%q (-python +ours):\n%s", texts[i], diff)
		}
	}
	if accepted < 300 {
		t.Errorf("only %d texts of %d were accepted, too few to compare", accepted, len(texts))
	}
}

func TestWriteEffectiveKeepsForeignFiles(t *testing.T) {
	c, err := Load(LoadOptions{Path: "testdata/good/contract.ini"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "config.ini")
	write(t, path, "[mine]\n")
	if err := c.WriteEffective(path); err == nil || !strings.Contains(err.Error(), "not written by agata") {
		t.Errorf("WriteEffective = %v, want a refusal", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "[mine]\n" {
		t.Errorf("the file now holds %q", got)
	}
}

func TestTaskDir(t *testing.T) {
	contract, err := os.ReadFile("testdata/good/contract.ini")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name      string
		file      string // name of the config.ini; empty: none
		text      string
		overrides map[string]string
		move      bool // the client's broker gets another port after Load
		want      string
	}{
		{"the file says it all", "config.ini", string(contract), nil, false, "."},
		{"no file", "", "", nil, false, "data"},
		{"the file lacks a key", "config.ini", "[client.broker]\nport=8001\n", nil, false, "data"},
		{"a flag overrides", "config.ini", string(contract), map[string]string{"client.broker.port": "1"}, false, "data"},
		{"a flag that no peer reads", "config.ini", string(contract), map[string]string{"log.level": "debug"}, false, "."},
		{"a port moved", "config.ini", string(contract), nil, true, "data"},
		{"tasks of another account", "config.ini", string(contract), map[string]string{"tasks.user": "nobody"}, false, "data/effective"},
		{"another name", "my.ini", string(contract), nil, false, "data"},
		{"the file is in the data folder", "data/config.ini", "[log]\n", nil, false, "data/effective"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.Mkdir("data", 0o700); err != nil {
				t.Fatal(err)
			}
			if tc.file != "" {
				write(t, tc.file, tc.text)
			}
			c, err := Load(LoadOptions{Path: tc.file, Overrides: tc.overrides})
			if err != nil {
				t.Fatal(err)
			}
			if tc.move {
				c.ClientBroker.Port = 4711
			}
			want, _ := filepath.Abs(tc.want)
			for range 2 { // a second start finds the first one's file
				if got, err := c.TaskDir(); got != want || err != nil {
					t.Fatalf("TaskDir = %s, %v, want %s", got, err, want)
				}
			}
			py := readByPython(t, read(t, filepath.Join(want, "config.ini")))[0]
			if tc.want != "." {
				if _, told := py["client.broker"]["password"]; told {
					t.Error("tasks are told a password")
				}
			}
			if got, want := py["client.broker"]["port"], (intValue{p: &c.ClientBroker.Port}).text(); got != want {
				t.Errorf("python reads port %s there, want %s", got, want)
			}
		})
	}
}
