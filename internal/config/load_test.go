package config

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func files(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files match %s (%v)", pattern, err)
	}
	return paths
}

func TestLoadGoodFiles(t *testing.T) {
	for _, path := range files(t, "testdata/good/*.ini") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := Load(LoadOptions{Path: path, Data: "/srv/agata", Hostname: "host-1"})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := c.Describe(&b); err != nil {
				t.Fatal(err)
			}
			// The columns' widths depend on where the tree is checked out.
			table := regexp.MustCompile(`  +`).ReplaceAllString(b.String(), "  ")
			golden(t, path+".golden", strings.ReplaceAll(table, c.Dir(), "$DIR"))
		})
	}
}

func TestLoadBadFiles(t *testing.T) {
	for _, path := range files(t, "testdata/bad/*.ini") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := Load(LoadOptions{Path: path, Hostname: "host-1"})
			if err == nil || c != nil {
				t.Fatalf("Load = %v, %v, want no configuration and an error", c, err)
			}
			for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
				ce, ok := errors.AsType[*ConfigError](e)
				if !ok {
					t.Errorf("%v is not a *ConfigError", e)
				} else if ce.Source.Line == 0 {
					t.Errorf("%v names no line", e)
				}
			}
			golden(t, path+".golden", err.Error()+"\n")
		})
	}
}

func TestLiteralValues(t *testing.T) {
	c, err := Load(LoadOptions{Path: "testdata/good/literals.ini"})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.ClientBroker.Password.Reveal(), c.ClientBroker.User, c.ServerBroker.Password.Reveal(), c.ServerBroker.User, c.ServerBroker.VHost}
	want := []string{"p#ss;word", `"quoted"`, "`back`tick", `"""three"""`, "100%"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, want := c.ServerBroker.Addr(), "[::1]:9000"; got != want {
		t.Errorf("Addr = %s, want %s", got, want)
	}
}

func TestLayers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my.ini")
	write(t, path, "[client.broker]\nhost=file\nport=1\nuser=file\n[rpc]\ntimeout=bad\n[client.info]\nx=1\ny=2\n")
	c, err := Load(LoadOptions{
		Path: path,
		Environ: []string{
			"AGATA_CLIENT_BROKER_PORT=2", "AGATA_CLIENT_BROKER_USER=env", "AGATA_RPC_TIMEOUT=4",
			"AGATA_CLIENT_INFO_Z=true", "AGATA_CLIENT_INFO_X=5", "AGATA_CLIENT_INFO_USER_ID=u",
			"AGATA_TASK_ID=ours", "AGATA_TEST_AMQP_URL=amqp://x", "HOME=/", "odd",
		},
		Overrides: map[string]string{"client.broker.user": "flag", "client.info.GPU": "no", "log.level": "debug"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"client.broker.vhost": "default",
		"client.broker.host":  path + ":2",
		"client.broker.port":  "env AGATA_CLIENT_BROKER_PORT",
		"client.broker.user":  "flag",
		"rpc.timeout":         "env AGATA_RPC_TIMEOUT",
		"client.info.x":       "env AGATA_CLIENT_INFO_X",
		"client.info.y":       path + ":9",
		"client.info.gpu":     "flag",
		"no.such.key":         "",
	} {
		if got := c.Source(name).String(); got != want {
			t.Errorf("Source(%s) = %q, want %q", name, got, want)
		}
	}
	b := c.ClientBroker
	if b.Host != "file" || b.Port != 2 || b.User != "flag" || b.VHost != "/" || c.RPC.Timeout != 4*time.Second || c.Info.UserID != "u" {
		t.Errorf("wrong layer won: %+v, %+v, %+v", b, c.RPC, c.Info)
	}
	var names []string
	for _, a := range c.Info.Attributes {
		names = append(names, a.Name)
	}
	if diff := cmp.Diff([]string{"x", "y", "z", "gpu"}, names); diff != "" {
		t.Errorf("order of attributes (-want +got):\n%s", diff)
	}
	if v, _ := c.Info.Attribute("x"); v != int64(5) {
		t.Errorf("attribute x = %v (%T), want 5", v, v)
	}
}

func TestAllLayersReportTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.ini")
	write(t, path, "[log]\nlevel=loud\ncolour=red\n")
	_, err := Load(LoadOptions{
		Path: path,
		Environ: []string{
			"AGATA_RPC_TIMEOUT=", "AGATA_CLIENT_BROKR_PORT=1", "AGATA_LOG_COLOUR=red", "AGATA_RPC_TIMEOUTS=1",
			"AGATA_SERVER_BROKER_PASSWORD= secret ",
		},
		Overrides: map[string]string{"client.broker.port": "x", "client.brokr.port": "1", "port": "1", "log.lvl": "info", "": ""},
	})
	if err == nil {
		t.Fatal("Load accepted everything")
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows a password:\n%v", err)
	}
	golden(t, "testdata/layers.golden", strings.ReplaceAll(err.Error(), path, "config.ini")+"\n")
}

func TestMissingFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := Load(LoadOptions{Path: "absent.ini"}); err == nil || !strings.Contains(err.Error(), "absent.ini") {
		t.Errorf("an explicit missing file: %v, want an error that names it", err)
	}
	if _, err := Load(LoadOptions{Path: "."}); err == nil {
		t.Error("a folder was accepted as a file")
	}
	c, err := Load(LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wd, _ := os.Getwd()
	if c.Path() != "" || c.Data != filepath.Join(wd, "data") || c.Dir() != c.Data {
		t.Errorf("without config.ini: path %q, data %q, dir %q", c.Path(), c.Data, c.Dir())
	}
	write(t, "config.ini", "[server.broker]\nhost=cloud\n[tasks]\nwork_cloud=w\npython=env/python\n")
	if c, err = Load(LoadOptions{Data: "d"}); err != nil {
		t.Fatal(err)
	}
	if c.Dir() != wd || c.Source("server.broker.host").String() != "config.ini:2" {
		t.Errorf("with config.ini: dir %q, source %v", c.Dir(), c.Source("server.broker.host"))
	}
	want := Tasks{
		Python: wd + "/env/python", WorkCloud: wd + "/w", WorkClient: wd + "/d/client",
		Grace: 5 * time.Second, Quarantine: time.Hour, RestartAttempts: 2, Stall: 10 * time.Minute, Environment: []string{}, Warm: []string{}, Lease: 30 * time.Second,
	}
	if diff := cmp.Diff(want, c.Tasks); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	if g, f := c.GatewayURL(), c.FilesURL(); g != "http://cloud:9001" || f != "http://cloud:5000" {
		t.Errorf("GatewayURL %s, FilesURL %s", g, f)
	}
}

func TestTooLargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.ini")
	write(t, path, strings.Repeat("#", maxFileBytes+1))
	if _, err := Load(LoadOptions{Path: path}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("Load = %v, want a complaint about the size", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
