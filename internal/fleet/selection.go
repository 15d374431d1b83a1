package fleet

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/agata-fl/agata/internal/control"
	"github.com/agata-fl/agata/pkg/contract"
)

// SelectionReport is what selecting tasks for clients takes.
type SelectionReport struct {
	Tasks   int `json:"tasks"`
	Clients int `json:"clients"`
	// PerPoll is one client's selection among all tasks, in microseconds of a
	// processor; PerAnswer that for each task, in nanoseconds.
	PerPoll   SpreadUS `json:"per_poll_us"`
	PerAnswer float64  `json:"per_criterion_ns"`
	Offered   int64    `json:"offered"`         // tasks, to all clients together
	Allocated float64  `json:"allocs_per_poll"` // objects
	// PerStart is asking all clients for one task, as a start does, in milliseconds.
	PerStart float64    `json:"per_start_ms"`
	All      float64    `json:"all_seconds"` // every client once
	Load     [2]float64 `json:"load_average"`
	CPUs     int        `json:"cpus"`
	Go       string     `json:"go"`
	At       time.Time  `json:"at"`
}

// SpreadUS is a [Spread] in microseconds.
type SpreadUS Spread

// criteriaOf are criteria as operators write them: of a kind for each tenth task.
func criteriaOf(n int) string {
	switch n % 10 {
	case 0:
		return ""
	case 1, 2:
		return fmt.Sprintf(`data_qnt > %d and "camera" in sensors`, n%100)
	case 3:
		return fmt.Sprintf(`(data_qnt > %d) and ("lidar" in sensors or "ecu" in sensors) and avg_acc_contrib < 0.%d`, n%100, 1+n%9)
	case 4:
		return fmt.Sprintf(`ID == %q`, ClientID(n))
	case 5:
		return fmt.Sprintf(`gpu and region == "r%d"`, n%20)
	case 6:
		return fmt.Sprintf(`region in ["r%d", "r%d"] and data_qnt %% 10 == %d`, n%20, n%7, n%10)
	case 7:
		return fmt.Sprintf(`memory_mb >= %d and not ("lidar" in sensors)`, 512*(1+n%16))
	case 8:
		return fmt.Sprintf(`any(s == "ecu" for s in sensors) and data_qnt < %d`, n%100)
	default:
		return fmt.Sprintf(`unknown_%d == 1`, n%5) // a name that no client has
	}
}

func attributesOf(n int) map[string]any {
	id := ClientID(n)
	return map[string]any{
		"ID": id, "user_id": id, "data_qnt": int64(n % 100), "avg_acc_contrib": float64(n%10) / 10, "avg_disconnection_per_round": nil,
		"sensors":       [][]string{{"camera"}, {"camera", "ecu"}, {"lidar"}, {}}[n%4],
		"creation_date": "2026-01-01 00:00:00", "last_mod_date": "2026-01-01 00:00:00",
		"gpu": n%3 == 0, "region": fmt.Sprintf("r%d", n%20), "memory_mb": int64(1024 * (1 + n%8)),
	}
}

// Selection selects among running tasks for each of many clients, as the cloud's
// task manager does when they ask, and clients for a task that starts.
func Selection(ctx context.Context, tasks, clients int) (*SelectionReport, error) {
	if tasks < 1 || clients < 1 {
		return nil, fmt.Errorf("there must be tasks and clients, not %d and %d", tasks, clients)
	}
	rep := &SelectionReport{Tasks: tasks, Clients: clients, CPUs: runtime.NumCPU(), Go: runtime.Version(), At: time.Now()}
	rep.Load[0] = LoadAverage()
	var offers control.Offers
	for n := range tasks {
		o, err := control.NewOffer(int64(n), contract.OfferedTask{ID: fmt.Sprintf("task-%05d", n), Host: "10.0.0.1", Port: 8080, FilesPaths: []string{"client.py"}}, criteriaOf(n))
		if err != nil {
			return nil, err
		}
		offers.Add(o)
	}
	attrs := make([]map[string]any, clients)
	for n := range attrs {
		attrs[n] = attributesOf(n)
	}
	took := make([]int64, clients)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	for n, of := range attrs {
		one := time.Now()
		fit, err := offers.Select(ctx, of)
		if err != nil {
			return nil, err
		}
		took[n] = time.Since(one).Nanoseconds()
		rep.Offered += int64(len(fit))
	}
	rep.All = time.Since(began).Seconds()
	runtime.ReadMemStats(&after)
	rep.Allocated = round(float64(after.Mallocs-before.Mallocs) / float64(clients))
	rep.PerPoll = SpreadUS(spread(took)) // of nanoseconds
	rep.PerAnswer = round(rep.PerPoll.P50 * 1000 / float64(tasks))

	var starts []int64
	for _, o := range offers.All()[:min(tasks, 100)] {
		one := time.Now()
		for _, of := range attrs {
			o.Fits(of)
		}
		starts = append(starts, time.Since(one).Nanoseconds())
	}
	slices.Sort(starts)
	rep.PerStart = round(float64(starts[len(starts)/2]) / 1e6)
	rep.Load[1] = LoadAverage()
	return rep, nil
}
