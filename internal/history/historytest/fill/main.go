// Command fill writes a plausible history of many tasks and clients, for the
// bench of the console:
//
//	go run ./internal/history/historytest/fill --db DATA/cloud-gateway.db --tasks 10000 --clients 10000 --events 1000000
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/history/historytest"
)

func main() {
	db := flag.String("db", "", "the file to write")
	var size historytest.Size
	flag.IntVar(&size.Tasks, "tasks", 100, "tasks")
	flag.IntVar(&size.Clients, "clients", 100, "clients")
	flag.IntVar(&size.Events, "events", 10_000, "events")
	flag.Int64Var(&size.Seed, "seed", 1, "the same seed gives the same history")
	flag.Parse()
	if err := fill(*db, size); err != nil {
		fmt.Fprintf(os.Stderr, "fill: %v\n", err)
		os.Exit(1)
	}
}

func fill(db string, size historytest.Size) error {
	if db == "" {
		return fmt.Errorf("name the file to write by --db")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	store, err := history.Open(ctx, db, history.Options{})
	if err != nil {
		return err
	}
	began := time.Now()
	if err := historytest.Fill(ctx, store, size); err != nil {
		_ = store.Close()
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	fmt.Printf("%d events in %s\n", size.Events, time.Since(began).Round(time.Millisecond))
	return nil
}
