package baseservice

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/rpc"
)

// Info is what a service tells of itself; Functions is empty in the answer to
// a ping. Times are in seconds.
type Info struct {
	Name      string         `json:"name"`
	ID        string         `json:"id"` // of this instance
	Version   string         `json:"version"`
	Host      string         `json:"host"`
	PID       int            `json:"pid"`
	Uptime    float64        `json:"uptime"`
	Functions []FunctionInfo `json:"functions,omitempty"`
}

// FunctionInfo tells of one function; the counts are zero in an answer to info.
type FunctionInfo struct {
	Name        string  `json:"name"`
	Concurrency int     `json:"concurrency"`
	Requests    uint64  `json:"requests"`
	Errors      uint64  `json:"errors"`
	LastError   string  `json:"last_error,omitempty"`
	TotalTime   float64 `json:"total_time"`
	AverageTime float64 `json:"average_time"`
}

type functionStats struct {
	mu        sync.Mutex
	requests  uint64
	errors    uint64
	lastError string
	total     time.Duration
}

func (s *functionStats) observe(took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	s.total += took
	if err != nil {
		s.errors++
		s.lastError = err.Error()
	}
}

func (s *functionStats) fill(fi *FunctionInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fi.Requests, fi.Errors, fi.LastError, fi.TotalTime = s.requests, s.errors, s.lastError, s.total.Seconds()
	if s.requests > 0 {
		fi.AverageTime = fi.TotalTime / float64(s.requests)
	}
}

// introspect answers "ping", "info" and "stats"; other questions get none.
func (s *Service) introspect(kind string) []byte {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	info := Info{Name: s.opt.Name, ID: s.id, Version: s.opt.Version, Host: host, PID: os.Getpid(), Uptime: time.Since(s.started).Seconds()}
	switch kind {
	case "ping":
	case "info", "stats":
		for _, f := range s.functions {
			fi := FunctionInfo{Name: f.name, Concurrency: f.concurrency}
			if kind == "stats" {
				f.stats.fill(&fi)
			}
			info.Functions = append(info.Functions, fi)
		}
		slices.SortFunc(info.Functions, func(a, b FunctionInfo) int { return strings.Compare(a.Name, b.Name) })
	default:
		if s.opt.Hear != nil {
			s.opt.Hear(kind)
		}
		return nil
	}
	b, err := json.Marshal(info)
	if err != nil {
		s.log.Error("the answer about this service could not be encoded", "err", err)
		return nil
	}
	return b
}

type metrics struct {
	requests *prometheus.CounterVec
	panics   *prometheus.CounterVec
	inFlight *prometheus.GaugeVec
	duration *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer, service string) *metrics {
	l := prometheus.Labels{"service": service}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "agata_rpc_server_requests_total", Help: "Calls by function and outcome.", ConstLabels: l}, []string{"fn", "code"}),
		panics:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "agata_rpc_server_panics_total", Help: "Calls that panicked.", ConstLabels: l}, []string{"fn"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "agata_rpc_server_in_flight", Help: "Calls that run now.", ConstLabels: l}, []string{"fn"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "agata_rpc_server_duration_seconds", Help: "Time of a call in the service.",
			ConstLabels: l, Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 14)}, []string{"fn"}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.panics, m.inFlight, m.duration)
	}
	return m
}

func codeLabel(err error) string {
	if err == nil {
		return "ok"
	}
	return string(rpc.CodeOf(err))
}
