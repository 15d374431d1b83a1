package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Bench is one thing that is measured.
type Bench struct {
	Name  string
	Short string // in a line
	Run   func(ctx context.Context, e *Env) (Result, error)
}

// All are the benches, in the order in which `agata bench all` runs them.
func All() []Bench {
	return []Bench{
		{"rpc", "Calls through BaseService beside the bare AMQP loop and Python peers", runRPC},
		{"gateway", "HTTP to the gateway, a service, SQLite and back, beside the bare loop", runGateway},
		{"start", "From an operator's start of a task to the client's process, and from its stop to the end", runStart},
		{"warm", "From the start of a Flower task to its first round, cold and warm", runWarm},
		{"failover", "From a task's error to the next task's process", runFailover},
		{"recovery", "From the broker closing all connections to the first good call, under load", runRecovery},
		{"up", "From the start of agata up to the first good call", runUp},
		{"download", "A large file, beside cat and hashing alone, and killed at half", runDownload},
		{"idle", "What a client uses while it has nothing to do", runIdle},
	}
}

// Find finds a bench by its name.
func Find(name string) (Bench, bool) {
	i := slices.IndexFunc(All(), func(b Bench) bool { return b.Name == name })
	if i < 0 {
		return Bench{}, false
	}
	return All()[i], true
}

// Env is what benches are run with. Binary and Dir are required.
type Env struct {
	Binary string // the command agata
	Dir    string // an empty folder for all state; removed by who made it
	// Brokers to measure on: "embedded", or the URL of a RabbitMQ. One is needed.
	Brokers []*Broker
	// Python is an interpreter for tasks; PikaPython one that has pika, "" if there is none.
	Python, PikaPython string
	NATS               string        // program of experiments/nats-peer, for the rpc bench; "": it is left out
	Rounds             int           // that count
	Cold               bool          // no round to warm up
	Time               time.Duration // of a round, where that is free
	Callers            []int         // of the rpc bench
	Count              int           // tasks started, or failed over, in a round
	Size               int64         // bytes of the download
	Idle               time.Duration // watched, in all
	Say                func(string)  // progress, for people; nil: nobody
}

func (e *Env) say(format string, args ...any) {
	if e.Say != nil {
		e.Say(fmt.Sprintf(format, args...))
	}
}

// Report is results with what they were made on and by.
type Report struct {
	Environment Environment `json:"environment"`
	Results     []Result    `json:"results"`
}

// Environment is the machine, and what ran on it.
type Environment struct {
	Began     time.Time `json:"began"`
	Command   string    `json:"command"`
	Commit    string    `json:"commit,omitempty"` // of the command's source
	Cores     int       `json:"cores"`
	Processor string    `json:"processor"`
	Kernel    string    `json:"kernel"`
	Go        string    `json:"go"`
	Brokers   []string  `json:"brokers"`
	LoadBegin string    `json:"load_begin"` // the load averages of 1, 5 and 15 minutes
	LoadEnd   string    `json:"load_end"`
}

// Run runs benches one after another. On an error the report holds what was
// measured before.
func Run(ctx context.Context, e *Env, command []string, benches ...Bench) (*Report, error) {
	r := &Report{Environment: environment(e, command), Results: []Result{}}
	defer func() { r.Environment.LoadEnd = load() }()
	for _, b := range benches {
		began := time.Now()
		e.say("%s: %s", b.Name, b.Short)
		result, err := b.Run(ctx, e)
		if err != nil {
			return r, fmt.Errorf("bench %s: %w", b.Name, err)
		}
		result.Bench, result.Took = b.Name, rounded(time.Since(began).Seconds())
		if result.Goals == nil {
			result.Goals = []Goal{}
		}
		r.Results = append(r.Results, result)
	}
	return r, nil
}

func environment(e *Env, command []string) Environment {
	env := Environment{
		Began: time.Now().UTC().Truncate(time.Second), Command: strings.Join(command, " "),
		Cores: runtime.NumCPU(), Processor: processor(), Go: runtime.Version(), LoadBegin: load(), Brokers: []string{},
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		release, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-") // the rest is its builder's
		env.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + release
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				env.Commit = s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	for _, b := range e.Brokers {
		env.Brokers = append(env.Brokers, b.Version)
	}
	return env
}

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// Read reads a report that `agata bench` wrote.
func Read(r io.Reader) (*Report, error) {
	var report Report
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&report); err != nil {
		return nil, fmt.Errorf("not a report of agata bench: %w", err)
	}
	if len(report.Results) == 0 {
		return nil, fmt.Errorf("the report has no results")
	}
	return &report, nil
}
