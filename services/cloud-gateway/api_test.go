package cloudgateway

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/docs"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
)

func TestServiceKeepsAHistory(t *testing.T) {
	brokertest.OnBoth(t, func(t *testing.T, o amqpx.Options) {
		tr := brokertest.Connect(t, o)
		reg := prometheus.NewRegistry()
		data := t.TempDir()
		run := func() (url string, stop func()) {
			t.Helper()
			s, err := New(Options{Addr: "127.0.0.1:0", Transport: tr, Data: data, Gatherer: reg, Console: app(),
				Base: baseservice.Options{Schemas: brokertest.Schemas(t), Version: "1.2.3", Records: true}})
			if err != nil {
				t.Fatal(err)
			}
			stop = brokertest.Run(t, "cloud gateway", s.Run)
			brokertest.Wait(t, "the start", s.Started())
			return "http://" + s.Addr(), stop
		}
		url, stop := run()
		record := contract.Record{ID: uuid.NewString(), Kind: contract.RecordEvent, Time: float64(time.Now().Unix()), About: contract.About{Task: "t1"},
			Event: &contract.Event{Service: "a", Function: "f", Event: "news of a task"}}
		body, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Publish(t.Context(), contract.RecordsQueue, body); err != nil {
			t.Fatal(err)
		}
		events := func() string { return get(t, url+"/api/v1/events?task=t1").body }
		testenv.Eventually(t, 20*time.Second, "the record is in the history", func() bool { return strings.Contains(events(), "news of a task") })
		// What the gateway itself tells goes the same way.
		testenv.Eventually(t, 20*time.Second, "the gateway's own start is in the history", func() bool {
			return strings.Contains(get(t, url+"/api/v1/events?service=cloud_gateway").body, `"Started"`)
		})
		stop()
		url, _ = run()
		if !strings.Contains(events(), "news of a task") {
			t.Errorf("a restart forgot the history: %s", events())
		}
	})
}

func TestStreamsEndWithTheService(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	url, stop := serve(t, tr, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "event: hello" {
	}
	began := time.Now()
	stop()
	for lines.Scan() {
	}
	if took := time.Since(began); took > 5*time.Second || lines.Err() != nil {
		t.Errorf("the stream went on for %s: %v", took, lines.Err())
	}
}

func TestAPIBesideTheWire(t *testing.T) {
	tr := brokertest.Connect(t, brokertest.Embedded(t))
	reg := prometheus.NewRegistry()
	url, _ := serve(t, tr, Options{Gatherer: reg, Console: app(), Base: baseservice.Options{Registerer: reg}})
	listed, _ := serve(t, tr, Options{AllowedOrigins: []string{"https://ops.example"}})
	for _, tc := range []struct {
		name, method, url, origin string
		status                    int
		part                      string
	}{
		{"description", "GET", url + "/openapi.yaml", "", 200, "openapi: 3.1.0"},
		{"console", "GET", url + "/tasks", "", 200, "<title>console"},
		{"console, as a function", "GET", url + "/rpc_exec_get_user_info", "", 405, "functions are called with POST"},
		{"page with a method", "PUT", url + "/tasks/a", "", 405, "method_not_allowed"},
		{"wire's own words", "POST", url + "/tasks", "", 404, "invalid RPC function"},
		{"no API", "GET", url + "/api", "", 404, "not_found"},
		{"no such route", "GET", url + "/api/v2/tasks", "", 404, "not_found"},
		{"API of the gateway's own page", "POST", url + "/api/v1/criteria/check", url, 400, "expression"},
		{"API of another page", "POST", url + "/api/v1/criteria/check", "https://ops.example", 403, "forbidden"},
		{"API of a listed page", "POST", listed + "/api/v1/criteria/check", "https://ops.example", 400, "expression"},
		{"preflight of a listed page", "OPTIONS", listed + "/api/v1/tasks", "https://ops.example", 204, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := []string{"Accept", "text/html"}
			if tc.origin != "" {
				header = append(header, "Origin", tc.origin)
			}
			a := request(t, tc.method, tc.url, "", header...)
			if a.status != tc.status || !strings.Contains(a.body, tc.part) || a.header.Get("X-Correlation-Id") == "" || a.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("got %d %v %.300s", a.status, a.header, a.body)
			}
			allowed := a.header.Get("Access-Control-Allow-Origin")
			if want := tc.origin == "https://ops.example" && strings.HasPrefix(tc.url, listed); (allowed == "https://ops.example") != want {
				t.Errorf("allows the origin %q", allowed)
			}
			if tc.status == 204 && (!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") || !strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "PATCH")) {
				t.Errorf("the preflight allows %v", a.header)
			}
		})
	}
	metrics := get(t, url+"/metrics").body
	for _, want := range []string{`agata_http_requests_total{code="400",method="POST",route="POST /api/v1/criteria/check"} 1`, `agata_http_requests_total{code="404",method="GET",route="/api/"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s:\n%s", want, metrics)
		}
	}
	if a := get(t, url+"/openapi.yaml"); a.body != string(docs.OpenAPI) || a.header.Get("Content-Type") != "application/yaml" {
		t.Errorf("got %v, %d bytes", a.header, len(a.body))
	}
}
