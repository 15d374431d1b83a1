package database

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
)

// Who listens hears of what is committed, and of it again when its connection broke.
func TestListen(t *testing.T) {
	server := testenv.StartPostgres(t)
	db := onPostgres(t, server.URL, 1, Options{})[0]
	heard := make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	var listener sync.WaitGroup
	listener.Go(func() { db.Listen(ctx, "News-1", func() { heard <- struct{}{} }) })
	defer listener.Wait()
	defer cancel()
	wait := func(what string) {
		t.Helper()
		select {
		case <-heard:
		case <-time.After(time.Minute):
			t.Fatal("not heard: " + what)
		}
	}
	wait("the beginning")
	say := func(fail error) error {
		return db.Update(t.Context(), func(tx *sql.Tx) error {
			if _, err := tx.Exec(`SELECT pg_notify('News-1', '')`); err != nil {
				return err
			}
			return fail
		})
	}
	if err := say(context.Canceled); err == nil {
		t.Error("the transaction was not given up")
	}
	if err := say(nil); err != nil {
		t.Fatal(err)
	}
	wait("a commit")
	if len(heard) > 0 {
		t.Error("what was given up was heard")
	}
	server.Kill()
	server.Start()
	wait("the next beginning")
	testenv.Eventually(t, time.Minute, "words come again", func() bool { return say(nil) == nil })
	wait("a commit after the break")
}

// With a file there is nobody to hear.
func TestSQLiteHearsNobody(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"), schema(itemSchema), Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	db.Listen(ctx, "news", func() { t.Error("somebody was heard") })
}
