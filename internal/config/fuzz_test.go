package config

import (
	"errors"
	"os"
	"testing"
)

// FuzzLoad: any bytes give a configuration or *ConfigErrors, and a configuration
// that was accepted survives being written and read again.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.ini", "testdata/bad/*.ini"} {
		for _, path := range files(f, pattern) {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	load := func(data []byte) (*Config, error) {
		c := &Config{Data: "/data", dir: "/dir", path: "config.ini", sources: map[string]Source{}, loaded: map[string]string{}}
		l := newLoader("host")
		l.readFile("config.ini", data)
		return c, l.apply(c)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := load(data)
		if err != nil {
			for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
				if _, ok := errors.AsType[*ConfigError](e); !ok {
					t.Errorf("%v is not a *ConfigError", e)
				}
			}
			return
		}
		again, err := load(c.render(true))
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, c.render(true))
		}
		if diff := diffConfigs(c, again); diff != "" {
			t.Errorf("read back (-written +read):\n%s", diff)
		}
	})
}
