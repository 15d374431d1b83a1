package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"time"
)

// Options of a [Run]. Binary, Dir, Clients, Interval and Duration are required.
type Options struct {
	CloudOptions
	Clients  int
	Interval time.Duration // between two polls of a client
	Duration time.Duration // of the measurement
	Ramp     time.Duration // within which all clients begin; 0: an interval, or 5 ms for each if that is longer
	Tasks    int           // that run all the while, each fit for one client of a hundred
	Starts   int           // rounds of starts that are measured
	Own      bool          // each client has connections of its own also for polls and reports
	Closed   bool          // the cloud asks for credentials
	Say      func(string)  // is told how far the run is; nil: nobody
}

// perCrowd is how many clients one process holds: it has up to three sockets for each.
const perCrowd = 2500

const (
	// gatherTime is how long the fleet may take until all of it is connected, beyond
	// its ramp, and spreadTime how long after a start all clients may take.
	gatherTime, spreadTime = 10 * time.Minute, 3 * time.Minute
	// strangers is how long after its start the cloud's task manager wakes everyone.
	strangers = 65 * time.Second
)

// run is one Run.
type run struct {
	Options
	cloud    *Cloud
	crowds   []*process
	operator *operator
	report   *Report
}

// Run starts a cloud and a fleet, measures and ends both.
func Run(ctx context.Context, opt Options) (*Report, error) {
	switch {
	case opt.Clients < 1 || opt.Clients > 100_000:
		return nil, fmt.Errorf("a fleet has 1 to 100000 clients, not %d", opt.Clients)
	case opt.Interval < 100*time.Millisecond:
		return nil, fmt.Errorf("the interval %s is less than 100ms", opt.Interval)
	case opt.Duration < opt.Interval:
		return nil, fmt.Errorf("the duration %s is less than an interval, %s: not every client would ask", opt.Duration, opt.Interval)
	case opt.Tasks < 0 || opt.Tasks >= room:
		return nil, fmt.Errorf("0 to %d tasks run all the while, not %d", room-1, opt.Tasks)
	}
	if opt.Ramp <= 0 {
		opt.Ramp = max(opt.Interval, time.Duration(opt.Clients)*5*time.Millisecond)
	}
	r := &run{Options: opt, report: &Report{
		Clients: opt.Clients, Interval: opt.Interval.Seconds(), Broker: opt.Broker, Closed: opt.Closed, Tasks: opt.Tasks,
		Shared: "the connections of polls and reports, of each fleet process", CPUs: runtime.NumCPU(), Go: runtime.Version(), At: time.Now(),
		Starts: []Start{},
	}}
	if opt.Own {
		r.report.Shared = "nothing"
	}
	r.report.Load[0] = LoadAverage()
	defer func() {
		stopAll(r.crowds)
		if r.cloud != nil {
			r.cloud.Stop()
		}
	}()
	if err := r.all(ctx); err != nil {
		return nil, err
	}
	r.report.Load[1] = LoadAverage()
	return r.report, nil
}

func (r *run) say(format string, args ...any) {
	if r.Say != nil {
		r.Say(fmt.Sprintf(format, args...))
	}
}

func (r *run) all(ctx context.Context) (err error) {
	access, err := r.admit(ctx)
	if err != nil {
		return err
	}
	if r.cloud, err = StartCloud(ctx, r.CloudOptions); err != nil {
		return err
	}
	began := time.Now()
	r.operator = &operator{url: r.cloud.Gateway, token: access.operator}
	for i := range r.Tasks {
		if err := r.start(ctx, fmt.Sprintf("standing-%d", i), fmt.Sprintf("data_qnt == %d and %q in sensors", i, "camera")); err != nil {
			return err
		}
	}
	idle, err := r.cloud.usage()
	if err != nil {
		return err
	}
	if err := r.gather(ctx, access); err != nil {
		return err
	}
	if err := r.measure(ctx, idle); err != nil {
		return err
	}
	if r.Starts == 0 {
		return nil
	}
	if err := pause(ctx, time.Until(began.Add(strangers))); err != nil {
		return err
	}
	return r.starts(ctx)
}

// gather starts the fleet, and waits until all of it is connected and has asked.
func (r *run) gather(ctx context.Context, access tokens) error {
	for first := 0; first < r.Clients; first += perCrowd {
		n := min(perCrowd, r.Clients-first)
		spec := CrowdSpec{URL: r.cloud.Gateway, First: first, Clients: n, Interval: r.Interval, Ramp: r.Ramp, Own: r.Own}
		if r.Closed {
			spec.Credentials = access.clients[first : first+n]
		}
		line, err := json.Marshal(spec)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("crowd-%d", len(r.crowds))
		p, err := launch(name, filepath.Join(r.Dir, name+".log"), r.Binary, "", true, "bench", "fleet", "--crowd")
		if err != nil {
			return err
		}
		r.crowds = append(r.crowds, p)
		if _, err := p.in.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("tell %s what it is to be: %w", name, err)
		}
	}
	r.report.Processes = len(r.crowds)
	end := time.Now().Add(gatherTime + r.Ramp)
	for {
		t, err := r.ask(wordTell)
		if err != nil {
			return err
		}
		r.say("%d of %d clients are linked, %d have asked", t.Linked, r.Clients, t.Asked)
		if t.Linked == r.Clients && t.Asked == r.Clients {
			return pause(ctx, r.Interval)
		}
		if time.Now().After(end) {
			return fmt.Errorf("of %d clients %d are linked and %d were answered after %s; the last failure: %s", r.Clients, t.Linked, t.Asked, gatherTime, t.Why)
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// ask asks all crowds and adds up what they say.
func (r *run) ask(word string) (sum tally, err error) {
	sum.Launched, sum.Stopped = map[string][]int64{}, map[string]int{}
	for _, p := range r.crowds {
		line, err := p.ask(word)
		if err != nil {
			return sum, err
		}
		var t tally
		if err := json.Unmarshal(line, &t); err != nil {
			return sum, fmt.Errorf("%s says what is no tally: %w", p.name, err)
		}
		sum.Asks = append(sum.Asks, t.Asks...)
		sum.Reports, sum.Failed, sum.Breaks = sum.Reports+t.Reports, sum.Failed+t.Failed, sum.Breaks+t.Breaks
		sum.Linked, sum.Asked = sum.Linked+t.Linked, sum.Asked+t.Asked
		if t.Why != "" {
			sum.Why = t.Why
		}
		for id, at := range t.Launched {
			sum.Launched[id] = append(sum.Launched[id], at...)
		}
		for id, n := range t.Stopped {
			sum.Stopped[id] += n
		}
	}
	return sum, nil
}

// measure lets the fleet ask for a while.
func (r *run) measure(ctx context.Context, idle map[string]Usage) error {
	r.say("measuring for %s", r.Duration)
	if _, err := r.ask(wordForget); err != nil {
		return err
	}
	before, err := r.usage()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := pause(ctx, r.Duration); err != nil {
		return err
	}
	after, err := r.usage()
	if err != nil {
		return err
	}
	took := time.Since(began)
	t, err := r.ask(wordForget)
	if err != nil {
		return err
	}
	rep := r.report
	polls := max(1, len(t.Asks))
	rep.Measured, rep.Asks, rep.PerSec = took.Seconds(), spread(t.Asks), float64(len(t.Asks))/took.Seconds()
	rep.Reports, rep.Failed, rep.Breaks, rep.Why = t.Reports, t.Failed, t.Breaks, t.Why
	var beyond int64
	for _, name := range []string{gateway, tasks, users, broker, fleetName} {
		u, ok := after[name]
		if !ok {
			continue // a broker that is not ours
		}
		cpu := u.CPU - before[name].CPU
		cost := Cost{Name: name, RSS: u.RSS, Peak: u.Peak, Idle: idle[name].RSS, Share: round(cpu.Seconds() / took.Seconds()), PerPoll: round(float64(cpu.Microseconds()) / float64(polls))}
		rep.Cost = append(rep.Cost, cost)
		if name != fleetName {
			rep.AllCPUPerPoll += cost.PerPoll
		}
		if name != fleetName && name != broker {
			rep.CloudRSS += u.RSS
			beyond += u.RSS - cost.Idle
			rep.CloudCPUPerPoll += cost.PerPoll
		}
	}
	rep.RSSPerClient = beyond / int64(r.Clients)
	return nil
}

// fleetName is that of the crowds together.
const fleetName = "fleet"

// usage is that of the cloud's processes and of the fleet.
func (r *run) usage() (map[string]Usage, error) {
	all, err := r.cloud.usage()
	if err != nil {
		return nil, err
	}
	var sum Usage
	for _, p := range r.crowds {
		u, err := usageOf(p.cmd.Process.Pid)
		if err != nil {
			return nil, errors.Join(err, p.failure())
		}
		sum.RSS, sum.Peak, sum.CPU = sum.RSS+u.RSS, sum.Peak+u.Peak, sum.CPU+u.CPU
	}
	all[fleetName] = sum
	return all, nil
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// pause waits, if there is anything to wait for.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
