package cloudgateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

func get(t testing.TB, url string) answer {
	t.Helper()
	return request(t, http.MethodGet, url, "")
}

func TestBrokerComesAndGoes(t *testing.T) {
	port := testenv.Port(t)
	tr := brokertest.Connect(t, amqpx.Options{Host: "127.0.0.1", Port: port})
	s := create(t, tr, Options{})
	stop := brokertest.Run(t, "cloud gateway", s.Run)
	url := "http://" + s.Addr()

	away := func() {
		t.Helper()
		if a := get(t, url+"/healthz"); a.status != 200 || a.body != `{"status":"ok"}` {
			t.Errorf("healthz without a broker: %d %s", a.status, a.body)
		}
		a := get(t, url+"/readyz")
		var p struct{ Code, Detail string }
		if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != 503 || p.Code != "unavailable" ||
			!strings.Contains(p.Detail, "no connection to the broker at 127.0.0.1:") || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("readyz without a broker: %d %s", a.status, a.body)
		}
		began := time.Now()
		a = post(t, url, contract.GetUser.Name, `{"user_id":"u"}`)
		if a.status != 500 || a.header.Get("Agata-Code") != "unavailable" || !strings.HasPrefix(text(t, a), "no connection to the broker at 127.0.0.1:") {
			t.Errorf("a call without a broker: %d %s", a.status, a.body)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("a call without a broker took %s", took)
		}
		if a := get(t, url+"/api/v1/services"); a.status != 503 {
			t.Errorf("services without a broker: %d %s", a.status, a.body)
		}
	}
	comes := func() (stop func()) {
		t.Helper()
		_, stop = brokertest.Broker(t, port)
		peer(t, brokertest.Connect(t, amqpx.Options{Host: "127.0.0.1", Port: port}), "user-manager", users)
		testenv.Eventually(t, 20*time.Second, "the gateway is ready", func() bool { return get(t, url+"/readyz").status == 200 })
		if a := post(t, url, contract.GetUser.Name, `{"user_id":"u"}`); a.status != 200 {
			t.Errorf("a call with a broker: %d %s", a.status, a.body)
		}
		return stop
	}
	away()
	stopBroker := comes()
	brokertest.Wait(t, "the start of the gateway", s.Started())
	stopBroker()
	away()
	stop()
}

func TestServicesTellAboutThemselves(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, o amqpx.Options) {
		tr := brokertest.Connect(t, o)
		peer(t, tr, "user-manager", users)
		url, _ := serve(t, tr, Options{Base: baseservice.Options{Version: "1.2.3"}})
		post(t, url, contract.GetUser.Name, `{"user_id":"nobody"}`)
		a := get(t, url+"/api/v1/services")
		var list struct{ Services []baseservice.Info }
		if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.status != 200 || len(list.Services) != 2 {
			t.Fatalf("got %d %s", a.status, a.body)
		}
		gateway, manager := list.Services[0], list.Services[1]
		if gateway.Name != "cloud-gateway" || gateway.Version != "1.2.3" || len(gateway.Functions) != 0 {
			t.Errorf("the gateway tells %+v", gateway)
		}
		if manager.Name != "user-manager" || len(manager.Functions) != 2 || manager.Functions[0].Name != contract.GetUser.Name ||
			manager.Functions[0].Requests != 1 || manager.Functions[0].Errors != 1 {
			t.Errorf("the user manager tells %+v", manager)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Error("pages of any origin may read what the services tell")
		}
	})
}

func TestPageAndMetrics(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	reg := prometheus.NewRegistry()
	url, _ := serve(t, tr, Options{Gatherer: reg, Base: baseservice.Options{Version: "<1>", Registerer: reg}})
	a := get(t, url+"/")
	if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(a.body, "/api/v1/services") || !strings.Contains(a.body, "&lt;1&gt;") {
		t.Errorf("the page: %d %v %s", a.status, a.header, a.body)
	}
	for range 3 {
		post(t, url, "rpc_exec_nothing", `{}`)
	}
	if a := get(t, url+"/metrics"); a.status != 200 || !strings.Contains(a.body, `agata_http_requests_total{code="500",method="POST",route="/{function}"} 3`) {
		t.Errorf("the metrics: %d %s", a.status, a.body)
	}
	if a := request(t, http.MethodPost, url+"/api/v1/services", "{}"); a.status != 405 {
		t.Errorf("POST to a route of GET: %d", a.status)
	}
	if a := get(t, url+"/favicon.ico"); a.status != 404 {
		t.Errorf("what is not there: %d", a.status)
	}
	bare, _ := serve(t, tr, Options{})
	if a := get(t, bare+"/metrics"); a.status != 404 {
		t.Errorf("metrics that nobody gathers: %d %s", a.status, a.body)
	}
}

func TestStopFinishesWhatRuns(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	began, release := make(chan struct{}), make(chan struct{})
	peer(t, tr, "user-manager", func(s *baseservice.Service) {
		baseservice.Handle(s, contract.GetUser, func(context.Context, contract.UserIDRequest) (contract.User, error) {
			close(began)
			<-release
			return contract.User{}, rpc.Text(rpc.NotFound, "finished")
		})
	})
	url, stop := serve(t, tr, Options{})
	got := make(chan answer, 1)
	go func() { got <- post(t, url, contract.GetUser.Name, `{"user_id":"u"}`) }()
	brokertest.Wait(t, "the call", began)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Error("the gateway stopped although a call was under way")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	if a := <-got; text(t, a) != "finished" {
		t.Errorf("the call that ran got %d %s", a.status, a.body)
	}
	brokertest.Wait(t, "the stop", stopped)
}

func TestNewRefusesWhatCannotRun(t *testing.T) {
	tr, err := amqpx.New(amqpx.Options{Host: "127.0.0.1", Port: 1})
	if err != nil {
		t.Fatal(err)
	}
	good := Options{Addr: "127.0.0.1:0", Transport: tr, Data: t.TempDir(), Base: baseservice.Options{Schemas: brokertest.Schemas(t)}}
	s, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Options){
		"transport":    func(o *Options) { o.Transport = nil },
		"data folder":  func(o *Options) { o.Data = "" },
		"index.html":   func(o *Options) { o.Console = fstest.MapFS{} },
		"schemas":      func(o *Options) { o.Base.Schemas = nil },
		"address":      func(o *Options) { o.Addr = "" },
		"unknown port": func(o *Options) { o.Addr = "127.0.0.1:port" },
	} {
		o := good
		spoil(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
