package fleet

import (
	"slices"
	"time"
)

// Report is what a run has measured. Times are in milliseconds, memory in bytes.
type Report struct {
	Clients   int     `json:"clients"`
	Interval  float64 `json:"interval_seconds"`
	Measured  float64 `json:"measured_seconds"`
	Broker    string  `json:"broker"`
	Closed    bool    `json:"closed"`
	Shared    string  `json:"shared"` // what the clients of a process of the fleet share
	Tasks     int     `json:"tasks_running"`
	Processes int     `json:"fleet_processes"`

	Asks    Spread  `json:"ask_ms"` // a poll, from its first byte to the answer's last
	PerSec  float64 `json:"asks_per_second"`
	Reports int     `json:"reports"`
	Failed  int     `json:"failed"` // polls and reports
	Breaks  int     `json:"downlinks_broken"`
	Why     string  `json:"last_failure,omitempty"`

	Cost []Cost `json:"cost"`
	// Of the cloud's services together, broker and fleet aside.
	CloudRSS        int64   `json:"cloud_rss_bytes"`
	RSSPerClient    int64   `json:"cloud_rss_per_client_bytes"` // beyond that of an idle cloud
	CloudCPUPerPoll float64 `json:"cloud_cpu_per_poll_us"`      // a poll, its share of reports and heartbeats
	AllCPUPerPoll   float64 `json:"cloud_and_broker_cpu_per_poll_us"`

	Starts []Start `json:"starts"`

	Load [2]float64 `json:"load_average"` // before and after
	CPUs int        `json:"cpus"`
	Go   string     `json:"go"`
	At   time.Time  `json:"at"`
}

// Spread is how some measurements are spread.
type Spread struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// spread sorts microseconds and reads their spread in milliseconds.
func spread(us []int64) Spread {
	if len(us) == 0 {
		return Spread{}
	}
	slices.Sort(us)
	at := func(q float64) float64 { return float64(us[int(q*float64(len(us)-1))]) / 1000 }
	return Spread{N: len(us), P50: at(0.5), P90: at(0.9), P99: at(0.99), Max: at(1)}
}

// Cost is what a process, or the fleet's together, took while it was measured.
type Cost struct {
	Name    string  `json:"name"`
	RSS     int64   `json:"rss_bytes"` // at the end
	Peak    int64   `json:"peak_rss_bytes"`
	Idle    int64   `json:"idle_rss_bytes"` // before there were clients
	Share   float64 `json:"cpu"`            // of one processor
	PerPoll float64 `json:"cpu_per_poll_us"`
}

// Start is a task that was started while all clients were connected: how long each
// one that fits took to start it, from the operator's request on.
type Start struct {
	Criteria string  `json:"criteria"`
	Fit      int     `json:"fit"`
	Took     Spread  `json:"took_ms"`
	Answered float64 `json:"answered_ms"` // the operator's request
	StopTook float64 `json:"stop_all_ms"` // from the operator's stop until all had ended
}
