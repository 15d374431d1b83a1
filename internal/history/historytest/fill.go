// Package historytest fills a history with what a federation of many clients
// would have told in two weeks, for benches and for tests of the console at scale.
package historytest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/pkg/contract"
)

// Size is how much a history gets.
type Size struct {
	Tasks, Clients, Events int
	Seed                   int64
	// Until is the present of the history, when its last events are; zero means now.
	Until time.Time
}

const (
	days  = 14
	batch = 2000
)

// TaskID and ClientID are the ids of the tasks and clients, which count from 0.
func TaskID(n int) string   { return fmt.Sprintf("task-%05d", n) }
func ClientID(n int) string { return fmt.Sprintf("client-%05d", n) }

// Fill writes tasks' starts, clients' requests, their executions, rounds and
// states, oldest first, until there are size.Events events. Some tasks and
// clients are far busier than others. The same size gives the same history, its
// random ids apart.
func Fill(ctx context.Context, s *history.Store, size Size) error {
	if size.Tasks < 1 || size.Clients < 1 || size.Events < 1 {
		return fmt.Errorf("fill a history with %d tasks, %d clients, %d events: each must be 1 or more", size.Tasks, size.Clients, size.Events)
	}
	if size.Until.IsZero() {
		size.Until = time.Now()
	}
	f := &filling{store: s, size: size, servers: map[string]*server{}, random: rand.New(rand.NewPCG(uint64(size.Seed), 0))}
	f.end = float64(size.Until.UnixMilli())/1000 - 30
	f.at = f.end - days*24*60*60
	begin := f.at
	for n := range size.Clients {
		if err := f.meet(ctx, ClientID(n)); err != nil {
			return err
		}
	}
	for started := 0; f.events < size.Events; {
		// What is left is spread over the time that is left; a visit has about 12 events.
		f.at = begin + (f.end-begin)*float64(f.events)/float64(size.Events)
		var err error
		if due := started*size.Events < f.events*size.Tasks; (due || started == 0) && started < size.Tasks {
			err = f.start(ctx, TaskID(started))
			started++
		} else {
			err = f.visit(ctx, ClientID(f.skewed(size.Clients)), TaskID(f.skewed(started)))
		}
		if err != nil {
			return err
		}
	}
	return f.flush(ctx)
}

// filling is one call of Fill.
type filling struct {
	store   *history.Store
	size    Size
	random  *rand.Rand
	at, end float64 // where it is; the last moment
	events  int     // told so far
	records []contract.Record
	servers map[string]*server // by task
}

// server is the server side of a task.
type server struct {
	about contract.About
	round int // the last one
}

// skewed is a number below n; the small ones come more often.
func (f *filling) skewed(n int) int { return int(float64(n) * math.Pow(f.random.Float64(), 1.5)) }

// later moves on by up to so many seconds, but not beyond the end.
func (f *filling) later(most float64) { f.at = min(f.at+most*(0.1+0.9*f.random.Float64()), f.end) }

func (f *filling) tell(ctx context.Context, r contract.Record) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an id: %w", err)
	}
	r.ID, r.Time = id.String(), f.at
	f.records = append(f.records, r)
	if len(f.records) < batch {
		return nil
	}
	return f.flush(ctx)
}

func (f *filling) flush(ctx context.Context) error {
	_, err := f.store.Add(ctx, f.records)
	f.records = f.records[:0]
	return err
}

// event tells an event some milliseconds later, unless there are enough.
func (f *filling) event(ctx context.Context, about contract.About, client, service, function, text string) error {
	if f.events >= f.size.Events {
		return nil
	}
	f.events++
	f.later(0.02)
	return f.tell(ctx, contract.Record{Kind: contract.RecordEvent, Client: client, About: about,
		Event: &contract.Event{Time: f.at, Service: service, Function: function, Event: text}})
}
