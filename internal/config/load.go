package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DefaultPath is the config.ini that Load reads when it exists.
const DefaultPath = "config.ini"

// DefaultData is the data folder when none is given.
const DefaultData = "data"

// LoadOptions says what Load reads; the zero value reads ./config.ini alone.
type LoadOptions struct {
	Path      string            // an explicit config.ini, which must exist; empty: DefaultPath, which need not
	Data      string            // the data folder; empty: DefaultData
	Environ   []string          // as of os.Environ(); nil: no environment
	Overrides map[string]string // flags: "section.key" -> value
	Hostname  string            // the default of client.info.user_id; empty: os.Hostname()
}

// Load reads and checks all layers. Its error joins a *ConfigError for every
// problem of every layer; of a key that several layers set only the value that
// wins is checked, so that a flag can stand in for a bad value in a file.
func Load(o LoadOptions) (*Config, error) {
	c, err := locate(o)
	if err != nil {
		return nil, err
	}
	var data []byte
	if c.path != "" {
		if data, err = os.ReadFile(c.path); err != nil {
			return nil, fmt.Errorf("read the configuration: %w", err)
		}
	}
	l := newLoader(cmp.Or(o.Hostname, hostname()))
	l.readFile(c.path, data)
	l.readEnv(o.Environ)
	l.readFlags(o.Overrides)
	if err := l.apply(c); err != nil {
		return nil, err
	}
	return c, nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || userID(name) != nil {
		return "client"
	}
	return name
}

// locate finds config.ini and the folders; it reads nothing yet.
func locate(o LoadOptions) (*Config, error) {
	data, err := filepath.Abs(cmp.Or(o.Data, DefaultData))
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	c := &Config{Data: data, dir: data, sources: map[string]Source{}, loaded: map[string]string{}}
	path := cmp.Or(o.Path, DefaultPath)
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist) && o.Path == "":
		return c, nil
	case err != nil:
		return nil, fmt.Errorf("read the configuration: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("read the configuration: %s is a folder; name the file in it", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the configuration: %w", err)
	}
	c.path, c.dir = path, filepath.Dir(abs)
	return c, nil
}

// apply sets and checks every value; its error joins what all layers got wrong.
func (l *loader) apply(c *Config) error {
	for _, f := range l.table {
		e, v := l.won[f.name], f.value(c)
		secret := false
		switch v.(type) {
		case secretValue, databaseValue:
			secret = true
		}
		bad := plain(e.value)
		if bad == nil {
			bad = v.set(e.value)
		}
		if bad != nil {
			if secret {
				e.value = mask
			}
			l.failValue(e, *bad)
		}
		c.sources[f.name] = e.source
	}
	for _, name := range l.attrs {
		e := l.won[name]
		bad := plain(e.value)
		if bad == nil {
			bad = c.Info.add(e.key, e.value)
		}
		if bad != nil {
			l.failValue(e, *bad)
		}
		c.sources[name] = e.source
	}
	derive(c)
	nodesFirst(c)
	for _, f := range l.table {
		c.loaded[f.name] = f.value(c).text()
	}
	if len(l.errs) == 0 {
		l.check(c)
	}
	return l.report()
}

// report joins the errors: those of the file by line, then those of the
// environment, then those of the flags.
func (l *loader) report() error {
	layers := []Kind{FromDefault, FromFile, FromEnv, FromFlag}
	slices.SortStableFunc(l.errs, func(a, b *ConfigError) int {
		return cmp.Or(
			cmp.Compare(slices.Index(layers, a.Source.Kind), slices.Index(layers, b.Source.Kind)),
			cmp.Compare(a.Source.Line, b.Source.Line))
	})
	errs := make([]error, len(l.errs))
	for i, e := range l.errs {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// plain refuses what a line of config.ini cannot hold, so that every accepted
// value can be written into one.
func plain(s string) *problem {
	switch {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }):
		return &problem{"holds bytes that are not text", "use one line of plain UTF-8"}
	case strings.TrimSpace(s) != s:
		return &problem{"begins or ends with white space", "remove it"}
	}
	return nil
}

// derive fills in paths: relative ones are meant from the folder of config.ini.
func derive(c *Config) {
	t := &c.Tasks
	t.WorkCloud = absolute(c.dir, cmp.Or(t.WorkCloud, filepath.Join(c.Data, "cloud")))
	t.WorkClient = absolute(c.dir, cmp.Or(t.WorkClient, filepath.Join(c.Data, "client")))
	if strings.ContainsRune(t.Python, filepath.Separator) {
		t.Python = absolute(c.dir, t.Python)
	}
	c.Auth.KeyFile = absolute(c.dir, cmp.Or(c.Auth.KeyFile, filepath.Join(c.Data, "cloud.key")))
	c.ClientAuth.CredentialFile = absolute(c.dir, cmp.Or(c.ClientAuth.CredentialFile, filepath.Join(c.Data, "client.credential")))
	for _, path := range []*string{&t.TrustedKeys, &c.TLS.Cert, &c.TLS.Key, &c.TLS.CA, &c.TLS.ClientCert, &c.TLS.ClientKey, &c.Store.PasswordFile} {
		if *path != "" {
			*path = absolute(c.dir, *path)
		}
	}
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// check looks at what single values cannot show.
func (l *loader) check(c *Config) {
	b, s := c.ClientBroker, c.ServerBroker
	l.checkNodes(c)
	if b.shares(s) && b.Port != 0 {
		l.failValue(l.won["server.broker.port"], problem{"is the client's broker too",
			"give the two sides different ports, hosts or vhosts, as they have queues of the same names"})
	}
	for _, name := range []string{"client.broker.port", "server.broker.port"} {
		if e := l.won[name]; c.Broker.Mode == ModeExternal && c.loaded[name] == "0" {
			l.failValue(e, problem{"cannot be an external broker's port", "give its real port, or broker.mode=embedded"})
		}
	}
	for _, pair := range [][2]string{{"cert", "key"}, {"client_cert", "client_key"}} {
		if a, b := l.won["tls."+pair[0]], l.won["tls."+pair[1]]; (a.value == "") != (b.value == "") {
			l.failValue(a, problem{"and tls." + pair[1] + " belong together", "give both, or neither"})
		}
	}
	if e := l.won["tls.require_client_cert"]; c.TLS.RequireClientCert && (c.TLS.CA == "" || c.TLS.Cert == "") {
		l.failValue(e, problem{"needs tls.cert, and tls.ca to check certificates against", "give both"})
	}
	if c.Gateway.Port == c.Files.Port && c.Gateway.Host == c.Files.Host && c.Gateway.Port != 0 {
		l.failValue(l.won["server.files.port"], problem{"is the gateway's port too", "give the two different ports"})
	}
}
