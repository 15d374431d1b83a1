package deploytest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agata-fl/agata/internal/app"
)

const root = "../../"

// composition is docker-compose.yml as far as the tests look at it.
type composition map[string]*container // by service

type container struct {
	Command     []string
	Environment map[string]string
	Health      []string // the test of its health check
	DependsOn   map[string]string
	Networks    []string
	Ports       []string // host:published:target, or published:target
	Volumes     []string // source:target, or source:target:ro
	Secrets     []string
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(root + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func composed(t *testing.T) composition {
	t.Helper()
	c, err := parseComposition(read(t, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCompose lets docker compose read the file, and sees whether it understands
// what the reader of these tests does.
func TestCompose(t *testing.T) {
	ours := composed(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	compose := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "docker", append([]string{"compose"}, args...)...)
		cmd.Dir = root
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "DOCKER_CONFIG=" + os.Getenv("DOCKER_CONFIG"),
			"CLOUD_BROKER_PASSWORD=" + given, "CLIENT_BROKER_PASSWORD=" + given, "OPERATOR_PASSWORD=" + given}
		return cmd.Output()
	}
	if _, err := compose("version"); err != nil {
		t.Logf("docker compose is not on this machine (%v): docker-compose.yml was read by these tests alone", err)
		return
	}
	out, err := compose("--env-file", os.DevNull, "config", "--format", "json")
	if err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			t.Fatalf("docker compose config: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	if diff := cmp.Diff(decodeComposition(t, out), ours); diff != "" {
		t.Errorf("docker compose (-) and the tests (+) understand the file differently:\n%s", diff)
	}
}

func decodeComposition(t *testing.T, out []byte) composition {
	t.Helper()
	var file struct {
		Services map[string]struct {
			Command     []string
			Environment map[string]string
			Healthcheck struct{ Test []string }
			DependsOn   map[string]struct{ Condition string } `json:"depends_on"`
			Networks    map[string]any
			Ports       []struct {
				Published string
				Target    int
				HostIP    string `json:"host_ip"`
			}
			Volumes []struct {
				Source, Target string
				ReadOnly       bool `json:"read_only"`
			}
			Secrets []struct{ Source string }
		}
	}
	if err := json.Unmarshal(out, &file); err != nil {
		t.Fatal(err)
	}
	c := composition{}
	for name, s := range file.Services {
		k := &container{Command: s.Command, Environment: s.Environment, DependsOn: map[string]string{}}
		for _, word := range s.Healthcheck.Test { // printed as it would be written
			k.Health = append(k.Health, strings.ReplaceAll(word, "$$", "$"))
		}
		for on, d := range s.DependsOn {
			k.DependsOn[on] = d.Condition
		}
		for network := range s.Networks {
			k.Networks = append(k.Networks, network)
		}
		slices.Sort(k.Networks)
		for _, p := range s.Ports {
			k.Ports = append(k.Ports, p.HostIP+":"+p.Published+":"+itoa(p.Target))
		}
		for _, v := range s.Volumes {
			text := v.Source + ":" + v.Target
			if v.ReadOnly {
				text += ":ro"
			}
			k.Volumes = append(k.Volumes, text)
		}
		for _, secret := range s.Secrets {
			k.Secrets = append(k.Secrets, secret.Source)
		}
		c[name] = k
	}
	return c
}

// once are the services that run once, before the others.
var once = []string{"authority", "operator"}

func TestEveryServiceIsDeployed(t *testing.T) {
	c := composed(t)
	for _, name := range app.Services() {
		k := c[name]
		if k == nil {
			t.Errorf("docker-compose.yml has no service %s", name)
			continue
		}
		if len(k.Command) < 4 || !slices.Equal(k.Command[:4], []string{"serve", name, "--data", "/data"}) {
			t.Errorf("%s runs %q, not serve %s --data /data", name, k.Command, name)
		}
		if len(k.DependsOn) == 0 {
			t.Errorf("%s waits for nothing, not even for its broker", name)
		}
	}
	for name, k := range c {
		if slices.Contains(once, name) {
			continue
		}
		if len(k.Health) == 0 {
			t.Errorf("%s has no health check", name)
		}
		if _, ours := k.Environment["RABBITMQ_DEFAULT_USER"]; !ours && !slices.Contains(app.Services(), name) {
			t.Errorf("%s is no service of agata", name)
		}
		for on, condition := range k.DependsOn {
			want := "service_healthy"
			if slices.Contains(once, on) {
				want = "service_completed_successfully"
			}
			if condition != want {
				t.Errorf("%s waits until %s is %s, not %s", name, on, condition, want)
			}
			if c[on] == nil {
				t.Errorf("%s waits for %s, which is not there", name, on)
			}
		}
	}
}
