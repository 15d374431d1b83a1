package bundle

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSignAndVerify(t *testing.T) {
	ada, bob := newKey(t, "ada"), newKey(t, "bob")
	manifest, signature, err := Sign("digits", files(t), when, ada)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Verify(manifest, signature, NewKeys(bob.Public(), ada.Public()))
	if err != nil {
		t.Fatal(err)
	}
	if m.Task != "digits" || !m.Created.Equal(when) || m.Key != ada.Public().ID() || !slices.Equal(m.Paths(), names()) {
		t.Errorf("got %+v", m)
	}
	if f, ok := m.Find("task.py"); !ok || f != describe(t, "task.py", content["task.py"]) {
		t.Errorf("got %+v, %v", f, ok)
	}
	if _, ok := m.Find("Task.py"); ok {
		t.Error("found a file that is not there")
	}
	// The order of the files and the zone of the time make no difference.
	reversed := files(t)
	slices.Reverse(reversed)
	again, _, err := Sign("digits", reversed, when.In(time.FixedZone("", 3600)).Add(time.Millisecond), ada)
	if err != nil || !bytes.Equal(again, manifest) {
		t.Errorf("signed anew it differs: %v\n%s%s", err, manifest, again)
	}
	for name, trusted := range map[string]Keys{"none": {}, "another": NewKeys(bob.Public())} {
		if _, err := Verify(manifest, signature, trusted); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "not in the allow-list") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Not one bit of either file may differ.
func TestEveryFlippedBit(t *testing.T) {
	ada := newKey(t, "ada")
	trusted := NewKeys(ada.Public())
	manifest, signature, err := Sign("digits", files(t), when, ada)
	if err != nil {
		t.Fatal(err)
	}
	flips := 0
	for i := range len(manifest) + len(signature) {
		for bit := range 8 {
			m, s := slices.Clone(manifest), slices.Clone(signature)
			if i < len(m) {
				m[i] ^= 1 << bit
			} else {
				s[i-len(m)] ^= 1 << bit
			}
			if _, err := Verify(m, s, trusted); !errors.Is(err, ErrUntrusted) {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
			flips++
		}
	}
	t.Logf("%d flipped bits were refused", flips)
	for name, pair := range map[string][2][]byte{
		"trailing data of the manifest":  {append(slices.Clone(manifest), '\n'), signature},
		"trailing data of the signature": {manifest, append(slices.Clone(signature), '\n')},
		"a short manifest":               {manifest[:len(manifest)-1], signature},
		"a short signature":              {manifest, signature[:len(signature)-1]},
		"nothing":                        {nil, nil},
		"swapped":                        {signature, manifest},
	} {
		if _, err := Verify(pair[0], pair[1], trusted); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// forge signs bytes that Sign would not make.
func forge(k PrivateKey, manifest string) (m, sig []byte) {
	return []byte(manifest), encodeSignature(k.Public().ID(), ed25519.Sign(k.key, signed([]byte(manifest))))
}

// A trusted signer cannot have a manifest run that reads in two ways either.
func TestManifestHasOneForm(t *testing.T) {
	ada := newKey(t, "ada")
	trusted := NewKeys(ada.Public())
	key, sum := ada.Public().ID(), strings.Repeat("a", 64)
	file := func(path string) string { return fmt.Sprintf(`{"path":%q,"size":1,"sha256":"%s"}`, path, sum) }
	with := func(files ...string) string {
		return fmt.Sprintf(`{"version":1,"task":"t","created":"2026-03-04T05:06:07Z","files":[%s],"key":"%s"}`+"\n", strings.Join(files, ","), key)
	}
	good := with(file("a.py"), file("b.py"))
	if m, sig := forge(ada, good); true {
		if _, err := Verify(m, sig, trusted); err != nil {
			t.Fatal(err)
		}
	}
	replaced := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the manifest", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, manifest := range map[string]string{
		"no line's end":           strings.TrimSuffix(good, "\n"),
		"a space":                 replaced(`,"task"`, `, "task"`),
		"an unknown key":          replaced(`"task"`, `"colour":"red","task"`),
		"a key in another case":   replaced(`"files"`, `"Files"`),
		"a key twice":             replaced(`"task":"t"`, `"task":"u","task":"t"`),
		"an escape":               replaced(`a.py`, `\u0061.py`),
		"two manifests":           good + good,
		"another version":         replaced(`"version":1`, `"version":2`),
		"a version of 1.0":        replaced(`"version":1`, `"version":1.0`),
		"no task":                 replaced(`"task":"t"`, `"task":""`),
		"a task elsewhere":        replaced(`"task":"t"`, `"task":"../t"`),
		"another key":             replaced(key, strings.Repeat("0", 32)),
		"a time of another zone":  replaced(`05:06:07Z`, `05:06:07+01:00`),
		"a time in small steps":   replaced(`05:06:07Z`, `05:06:07.5Z`),
		"no files":                with(),
		"null files":              replaced(`[`+file("a.py")+`,`+file("b.py")+`]`, `null`),
		"a file twice":            with(file("a.py"), file("a.py")),
		"not in order":            with(file("b.py"), file("a.py")),
		"twice but for the case":  with(file("A.py"), file("a.py")),
		"a file and a folder":     with(file("a"), file("a/b.py")),
		"the same in other case":  with(file("A"), file("a/b.py")),
		"a path that leads out":   with(file("../a.py")),
		"an absolute path":        with(file("/a.py")),
		"a path with a dot":       with(file("./a.py")),
		"a backslash":             with(file(`a\b.py`)),
		"the bundle itself":       with(file(ManifestName)),
		"the bundle in capitals":  with(file(strings.ToUpper(SignatureName))),
		"compiled code":           with(file("__pycache__/a.cpython-312.pyc")),
		"a download in progress":  with(file("a.py.partial")),
		"a negative size":         replaced(`"size":1`, `"size":-1`),
		"a huge size":             replaced(`"size":1`, `"size":1099511627777`),
		"a size of 1e0":           replaced(`"size":1`, `"size":1e0`),
		"a digest in capitals":    replaced(sum, strings.Repeat("A", 64)),
		"a short digest":          replaced(sum, sum[1:]),
		"too many files":          with(manyFiles(file)...),
		"larger than any may be":  good + strings.Repeat(" ", MaxManifest),
		"deep":                    strings.Repeat("[", 100_000),
		"a list":                  "[]\n",
		"bytes that are no UTF-8": replaced("a.py", "\xff.py"),
	} {
		m, sig := forge(ada, manifest)
		if _, err := Verify(m, sig, trusted); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manyFiles(file func(string) string) (list []string) {
	for i := range maxFiles + 1 {
		list = append(list, file(fmt.Sprintf("f%04d", i)))
	}
	return list
}

// What Verify would refuse, Sign does not make.
func TestSignRefuses(t *testing.T) {
	ada := newKey(t, "ada")
	ok := describe(t, "a.py", "")
	for name, tc := range map[string]struct {
		task  string
		files []File
	}{
		"no files":      {"t", nil},
		"no task":       {"", []File{ok}},
		"a path":        {"t", []File{{"../a", 0, ok.SHA256}}},
		"twice":         {"t", []File{ok, ok}},
		"compiled code": {"t", []File{{"__PyCache__/a", 0, ok.SHA256}}},
		"no digest":     {"t", []File{{"a", 0, ""}}},
	} {
		if _, _, err := Sign(tc.task, tc.files, when, ada); err == nil {
			t.Errorf("%s was signed", name)
		}
	}
}

func FuzzManifest(f *testing.F) {
	ada := newKey(f, "ada")
	manifest, _, err := Sign("digits", files(f), when, ada)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(manifest)
	f.Add([]byte(`{"version":1,"task":"t","created":"2026-03-04T05:06:07Z","files":[],"key":""}`))
	f.Add([]byte(`{"Files":[{"Path":"a"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrUntrusted) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if again, err := m.encode(); err != nil || !bytes.Equal(again, text) {
			t.Errorf("read in two ways: %q and %q, %v", text, again, err)
		}
		if err := m.check(); err != nil {
			t.Error(err)
		}
	})
}

func FuzzSignature(f *testing.F) {
	ada := newKey(f, "ada")
	manifest, signature, err := Sign("digits", files(f), when, ada)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signature)
	f.Add([]byte(strings.Repeat("0", 32) + " AAAA\n"))
	f.Add([]byte(" "))
	f.Fuzz(func(t *testing.T, text []byte) {
		if key, sig, err := parseSignature(text); err == nil && !bytes.Equal(encodeSignature(key, sig), text) {
			t.Errorf("%q has two spellings", text)
		}
		if _, err := Verify(manifest, text, NewKeys(ada.Public())); err == nil && !bytes.Equal(text, signature) {
			t.Errorf("%q is a second signature", text)
		}
	})
}
