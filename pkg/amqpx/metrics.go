package amqpx

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/rpc"
)

type metrics struct {
	up         *prometheus.GaugeVec
	reconnects *prometheus.CounterVec
	blocked    prometheus.Gauge
	late       prometheus.Counter
	returned   prometheus.Counter
	calls      *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer, broker string) *metrics {
	l := prometheus.Labels{"broker": broker}
	m := &metrics{
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "agata_amqp_session_up", Help: "Whether a session with the broker is up.", ConstLabels: l}, []string{"role"}),
		reconnects: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "agata_amqp_reconnects_total",
			Help: "Sessions that ended or could not be opened.", ConstLabels: l}, []string{"role"}),
		blocked:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "agata_amqp_blocked", Help: "Whether the broker takes no messages now.", ConstLabels: l}),
		late:     prometheus.NewCounter(prometheus.CounterOpts{Name: "agata_rpc_client_late_replies_total", Help: "Answers that nobody waited for any more.", ConstLabels: l}),
		returned: prometheus.NewCounter(prometheus.CounterOpts{Name: "agata_rpc_returned_total", Help: "Calls of functions that nobody serves.", ConstLabels: l}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "agata_rpc_client_duration_seconds", Help: "Time from a call to its answer.",
			ConstLabels: l, Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15)}, []string{"fn", "code"}),
	}
	if reg != nil {
		reg.MustRegister(m.up, m.reconnects, m.blocked, m.late, m.returned, m.calls)
	}
	return m
}

func (m *metrics) setBlocked(b bool) {
	m.blocked.Set(0)
	if b {
		m.blocked.Set(1)
	}
}

func (m *metrics) observeCall(fn string, code rpc.Code, d time.Duration) {
	c := string(code)
	if c == "" {
		c = "ok"
	}
	m.calls.WithLabelValues(fn, c).Observe(d.Seconds())
}
