package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agata-fl/agata/internal/config"
)

// Status says how a check ended.
type Status string

// The statuses. Only Failed keeps AGATA from working.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
)

// Result is what one check found. Mend is the command or setting that mends
// it, "" where nothing is to be mended.
type Result struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	Mend   string `json:"mend,omitempty"`
}

func ok(format string, args ...any) Result {
	return Result{Status: OK, Found: fmt.Sprintf(format, args...)}
}

func warning(mend, format string, args ...any) Result {
	return Result{Status: Warning, Found: fmt.Sprintf(format, args...), Mend: mend}
}

func failed(mend, format string, args ...any) Result {
	return Result{Status: Failed, Found: fmt.Sprintf(format, args...), Mend: mend}
}

const (
	// limit bounds a check.
	limit = 5 * time.Second
	// overtime is left to a check for saying itself what took so long.
	overtime = 250 * time.Millisecond
)

// check is one question. Its run may end late, as some system calls cannot be
// interrupted; nobody waits for it then.
type check struct {
	name string
	run  func(context.Context) Result
}

// Run runs every check but that of the configuration, side by side, and returns
// the results in an order of its own that is always the same.
func Run(ctx context.Context, cfg *config.Config, p Probes) []Result {
	checks := []check{
		{"python", func(ctx context.Context) Result { return python(ctx, p, cfg.Tasks.Python) }},
		{"flower", func(ctx context.Context) Result { return flower(ctx, p, cfg.Tasks.Python) }},
	}
	for _, side := range sides(cfg) {
		checks = append(checks,
			check{side.name + " broker", func(ctx context.Context) Result { return broker(ctx, p, cfg.Broker.Mode, side) }},
			check{side.name + " queues", func(ctx context.Context) Result { return queues(ctx, p, cfg.Broker, side) }})
	}
	checks = append(checks,
		check{"gateway port", func(ctx context.Context) Result { return gatewayPort(ctx, p, cfg) }},
		check{"files port", func(ctx context.Context) Result { return filesPort(ctx, p, cfg) }},
		check{"database", func(ctx context.Context) Result { return store(ctx, p, cfg.Store) }},
		check{"certificates", func(context.Context) Result { return certificates(p, cfg.TLS) }},
		check{"data folder", func(context.Context) Result { return dataFolder(p, cfg.Data) }},
		check{"disk space", func(context.Context) Result { return diskSpace(p, cfg.Data) }},
		check{"open files", func(context.Context) Result { return openFiles(p) }},
		check{"task limits", func(context.Context) Result { return taskLimits(p, cfg.Tasks) }},
		check{"clock", func(ctx context.Context) Result { return clock(ctx, p, cfg.GatewayURL()) }},
	)
	return runAll(ctx, checks)
}

func runAll(ctx context.Context, checks []check) []Result {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// A result that comes too late finds room in its channel.
	found := make([]chan Result, len(checks))
	for i, c := range checks {
		found[i] = make(chan Result, 1)
		go func() { found[i] <- c.run(ctx) }()
	}
	late := make(chan struct{})
	defer time.AfterFunc(limit+overtime, func() { close(late) }).Stop()
	results := make([]Result, len(checks))
	for i, c := range checks {
		select {
		case results[i] = <-found[i]:
		case <-late:
			select {
			case results[i] = <-found[i]:
			default:
				results[i] = tooLate()
			}
		}
		results[i].Check = c.name
	}
	return results
}

func tooLate() Result {
	return failed("look at what it asks: a disk, a network or an interpreter hangs", "the check did not end within %s", limit)
}

// Configuration tells what is wrong with the configuration, one result a
// problem; err is what config.Load returned.
func Configuration(cfg *config.Config, err error) []Result {
	if err == nil {
		from := "no config.ini, so the defaults"
		if cfg.Path() != "" {
			from = cfg.Path()
		}
		r := ok("valid: %s", from)
		r.Check = "configuration"
		return []Result{r}
	}
	var results []Result
	for _, e := range leaves(err) {
		r := failed("name a file that exists by --config, or leave the flag out", "%v", e)
		if problem, isOne := errors.AsType[*config.ConfigError](e); isOne {
			found := *problem
			found.Hint = ""
			r = failed(problem.Hint, "%v", &found)
			if r.Mend == "" {
				r.Mend = "docs/configuration.md lists every key and what it takes"
			}
		}
		r.Check = "configuration"
		results = append(results, r)
	}
	return results
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	joined, isOne := err.(interface{ Unwrap() []error })
	if !isOne {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}
