package cloudtaskmanager

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	tasks  *prometheus.GaugeVec
	starts prometheus.Histogram
	ended  *prometheus.CounterVec
}

// newMetrics registers the metrics, unless reg is nil. The clients' side has
// series of the same names: its label tells them apart.
func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	side := prometheus.Labels{"side": "server"}
	m := &metrics{
		tasks: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "agata_tasks", Help: "Registered tasks by the state of their server side."}, []string{"state"}),
		starts: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "agata_task_start_seconds", Help: "Time from the request to the started process.",
			ConstLabels: side, Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "agata_executions_ended_total", Help: "Task processes ended.",
			ConstLabels: side}, []string{"reason"}),
	}
	if reg == nil {
		return m, nil
	}
	return m, errors.Join(reg.Register(m.tasks), reg.Register(m.starts), reg.Register(m.ended))
}

// moved counts a task from one state to another.
func (m *metrics) moved(from, to state) {
	m.tasks.WithLabelValues(string(from)).Dec()
	m.tasks.WithLabelValues(string(to)).Inc()
}
