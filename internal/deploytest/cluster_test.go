package deploytest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/agata-fl/agata/internal/app"
	"github.com/agata-fl/agata/internal/config"
)

// part is a container of a cluster's example, in whichever format.
type part struct {
	image   string
	args    []string
	environ map[string]string
	mounts  map[string]string // path to source
	count   int
}

// replica is a part's name without its number.
func replica(name string) string { return regexp.MustCompile(`-[0-9]+$`).ReplaceAllString(name, "") }

// composedCluster reads deploy/cluster/docker-compose.yml.
func composedCluster(t *testing.T) map[string]part {
	t.Helper()
	var file struct {
		Services map[string]struct {
			Image       string
			Command     []string
			Environment map[string]string
			Volumes     []string
			Secrets     []string
			Networks    any
			DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
			Healthcheck struct{ Test []string }
		}
		Volumes, Secrets, Networks map[string]any
	}
	if err := yaml.Unmarshal([]byte(read(t, "deploy/cluster/docker-compose.yml")), &file); err != nil {
		t.Fatal(err)
	}
	parts := map[string]part{}
	for name, s := range file.Services {
		p := part{image: s.Image, args: s.Command, environ: map[string]string{}, mounts: map[string]string{}, count: 1}
		for key, value := range s.Environment {
			p.environ[key] = scalar(value)
		}
		for _, v := range s.Volumes {
			at := strings.Split(v, ":")
			p.mounts[at[1]] = at[0]
			if _, known := file.Volumes[at[0]]; !known && !strings.HasPrefix(at[0], "./") {
				t.Errorf("%s mounts %s, which is no volume", name, at[0])
			}
		}
		for _, secret := range s.Secrets {
			if _, known := file.Secrets[secret]; !known {
				t.Errorf("%s wants the secret %s, which is not there", name, secret)
			}
			p.mounts["/run/secrets/"+secret] = secret
		}
		for on, how := range s.DependsOn {
			other, known := file.Services[on]
			if !known || how.Condition == "service_healthy" && len(other.Healthcheck.Test) == 0 {
				t.Errorf("%s waits for %s to be %s, which cannot be", name, on, how.Condition)
			}
		}
		parts[name] = p
	}
	return parts
}

// kubernetes reads deploy/kubernetes/agata.yaml, and sees that its pieces fit.
func kubernetes(t *testing.T) map[string]part {
	t.Helper()
	type env struct {
		Name, Value string
		ValueFrom   map[string]map[string]string `yaml:"valueFrom"`
	}
	type object struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name, Namespace string }
		Data       map[string]string
		Spec       struct {
			Replicas    int
			ServiceName string `yaml:"serviceName"`
			Selector    map[string]any
			Template    struct {
				Metadata struct{ Labels map[string]string }
				Spec     struct {
					Containers []struct {
						Image   string
						Args    []string
						Env     []env
						EnvFrom []struct {
							ConfigMapRef struct{ Name string } `yaml:"configMapRef"`
						} `yaml:"envFrom"`
						VolumeMounts []struct {
							Name      string
							MountPath string `yaml:"mountPath"`
						} `yaml:"volumeMounts"`
					}
					Volumes []struct {
						Name   string
						Secret struct {
							SecretName string `yaml:"secretName"`
						}
						ConfigMap             struct{ Name string } `yaml:"configMap"`
						PersistentVolumeClaim struct {
							ClaimName string `yaml:"claimName"`
						} `yaml:"persistentVolumeClaim"`
					}
				}
			}
			VolumeClaimTemplates []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
		}
	}
	var all []object
	for d := yaml.NewDecoder(bytes.NewReader([]byte(read(t, "deploy/kubernetes/agata.yaml")))); ; {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if o.APIVersion == "" || o.Kind == "" || o.Metadata.Name == "" || o.Kind != "Namespace" && o.Metadata.Namespace != "agata" {
			t.Errorf("%s %s lacks a version, a kind, a name or the namespace", o.Kind, o.Metadata.Name)
		}
		all = append(all, o)
	}
	find := func(kind, name string) *object {
		i := slices.IndexFunc(all, func(o object) bool { return o.Kind == kind && o.Metadata.Name == name })
		if i < 0 {
			t.Errorf("there is no %s %s", kind, name)
			return &object{}
		}
		return &all[i]
	}
	parts := map[string]part{}
	for _, o := range all {
		if o.Kind != "StatefulSet" {
			continue
		}
		name, pod := o.Metadata.Name, o.Spec.Template
		if pod.Metadata.Labels["app"] != name || fmt.Sprint(o.Spec.Selector["matchLabels"]) != "map[app:"+name+"]" {
			t.Errorf("%s does not select its own pods", name)
		}
		if name != app.UserManager { // to which nobody connects
			if s := find("Service", o.Spec.ServiceName); s.Spec.Selector["app"] != name {
				t.Errorf("the service of %s leads to %v", name, s.Spec.Selector)
			}
		}
		c := pod.Spec.Containers[0]
		p := part{image: c.Image, args: c.Args, environ: map[string]string{}, mounts: map[string]string{}, count: o.Spec.Replicas}
		for _, from := range c.EnvFrom {
			for key, value := range find("ConfigMap", from.ConfigMapRef.Name).Data {
				p.environ[key] = value
			}
		}
		for _, e := range c.Env {
			p.environ[e.Name] = e.Value
			if ref := e.ValueFrom["secretKeyRef"]; ref != nil {
				p.environ[e.Name] = given + " " + ref["name"] + "/" + ref["key"]
			}
		}
		sources := map[string]string{}
		for _, v := range pod.Spec.Volumes {
			if sources[v.Name] = v.Secret.SecretName; v.ConfigMap.Name != "" {
				find("ConfigMap", v.ConfigMap.Name)
				sources[v.Name] = v.ConfigMap.Name
			}
			if claim := v.PersistentVolumeClaim.ClaimName; claim != "" {
				find("PersistentVolumeClaim", claim)
				sources[v.Name] = claim
			}
		}
		for _, v := range o.Spec.VolumeClaimTemplates {
			sources[v.Metadata.Name] = "claim of each " + name
		}
		for _, m := range c.VolumeMounts {
			if p.mounts[m.MountPath] = sources[m.Name]; sources[m.Name] == "" {
				t.Errorf("%s mounts %s, which is no volume", name, m.Name)
			}
		}
		parts[name] = p
	}
	return parts
}

// TestClusters: each service of both examples finds the nodes, the database and its
// files, and has as many replicas as it may.
func TestClusters(t *testing.T) {
	for example, tc := range map[string]struct {
		parts  map[string]part
		nodes  string // of RabbitMQ's configuration
		broker string // what a service calls a node
	}{
		"compose":    {composedCluster(t), read(t, "deploy/cluster/rabbitmq.conf"), "%s"},
		"kubernetes": {kubernetes(t), read(t, "deploy/kubernetes/agata.yaml"), "%s.rabbitmq.agata.svc.cluster.local"},
	} {
		t.Run(example, func(t *testing.T) {
			var nodes []string
			for _, m := range regexp.MustCompile(`classic_config\.nodes\.\d+ = rabbit@(\S+)`).FindAllStringSubmatch(tc.nodes, -1) {
				nodes = append(nodes, net.JoinHostPort(m[1], "5672"))
			}
			if len(nodes) != 3 || !strings.Contains(tc.nodes, "cluster_partition_handling = pause_minority") {
				t.Errorf("the cluster has the nodes %q", nodes)
			}
			for i, first := range nodes {
				host := fmt.Sprintf(tc.broker, "rabbitmq-"+first[strings.IndexByte(first, '-')+1:][:1])
				if first != net.JoinHostPort(host, "5672") {
					t.Errorf("node %d is %s", i, first)
				}
			}
			replicas, data := map[string]int{}, map[string]string{}
			for name, p := range tc.parts {
				if p.image != "agata:local" || len(p.args) < 2 || p.args[0] != "serve" {
					continue
				}
				service := p.args[1]
				replicas[service] += p.count
				if name != service && replica(name) != service {
					t.Errorf("%s runs %s", name, service)
				}
				if other := data[p.mounts["/data"]]; other != "" || p.mounts["/data"] == "" {
					t.Errorf("%s has its data in %q, as %q", name, p.mounts["/data"], other)
				}
				data[p.mounts["/data"]] = name
				checkCloudService(t, name, p, nodes)
			}
			want := map[string]int{app.UserManager: 2, app.CloudGateway: 2, app.CloudTaskManager: 2}
			if fmt.Sprint(replicas) != fmt.Sprint(want) {
				t.Errorf("got %v, want %v", replicas, want)
			}
		})
	}
}

func checkCloudService(t *testing.T, name string, p part, nodes []string) {
	t.Helper()
	cfg := loaded(t, name, &container{Environment: p.environ})
	if !slices.Equal(cfg.ServerBroker.Addrs(), nodes) || cfg.Broker.Queues != config.Quorum || cfg.Broker.Mode != config.ModeExternal {
		t.Errorf("%s looks for the broker at %q, with %s queues", name, cfg.ServerBroker.Addrs(), cfg.Broker.Queues)
	}
	if user, password := cfg.ServerBroker.User, cfg.ServerBroker.Password.Reveal(); user != "agata" || !strings.HasPrefix(password, given) {
		t.Errorf("%s is %s at the broker, by a password that was not given", name, user)
	}
	if p.environ["AGATA_SERVER_STORE_URL"] != "postgres://agata@postgres:5432/agata" {
		t.Errorf("%s keeps what it knows at %q", name, p.environ["AGATA_SERVER_STORE_URL"])
	}
	if cfg.Auth.Mode != config.AuthOn {
		t.Errorf("%s is open", name)
	}
	for _, path := range []string{cfg.Auth.KeyFile, cfg.TLS.Cert, cfg.TLS.Key, cfg.TLS.CA, p.environ["AGATA_SERVER_STORE_PASSWORD_FILE"]} {
		if p.mounts[path] == "" && p.mounts[path[:strings.LastIndexByte(path, '/')]] == "" {
			t.Errorf("%s does not find %q", name, path)
		}
	}
	if strings.HasPrefix(name, app.CloudGateway) && cfg.Gateway.Host != "0.0.0.0" || strings.HasPrefix(name, app.CloudTaskManager) && cfg.Files.Host != "0.0.0.0" {
		t.Errorf("nobody outside of its container reaches %s", name)
	}
	// The files of tasks are shared, and where a server runs is told.
	if _, told := p.environ["AGATA_TASKS_ADVERTISE"]; strings.HasPrefix(name, app.CloudTaskManager) && (cfg.Tasks.WorkCloud != "/work" || p.mounts["/work"] != "work" || !told) {
		t.Errorf("%s has the files of tasks in %s, which is %q", name, cfg.Tasks.WorkCloud, p.mounts[cfg.Tasks.WorkCloud])
	}
}

// TestProxyOfTheCluster: it knows each gateway and each file server.
func TestProxyOfTheCluster(t *testing.T) {
	proxy := read(t, "deploy/cluster/haproxy.cfg")
	for name := range composedCluster(t) {
		port := map[string]string{app.CloudGateway: "9001", app.CloudTaskManager: "5000"}[replica(name)]
		if port != "" && !strings.Contains(proxy, " "+name+":"+port+"\n") {
			t.Errorf("haproxy.cfg does not name %s", name)
		}
	}
}
