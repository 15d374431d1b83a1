package amqpx

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// What many write arrives whole, each writer's in its order, in fewer writes.
func TestGatheringKeepsTheOrder(t *testing.T) {
	near, far := net.Pipe()
	counted := &countedWrites{Conn: near}
	g := newGathering(counted)
	const writers, each = 8, 200
	got := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(far)
		got <- b
	}()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if _, err := g.Write([]byte{byte(w), byte(n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	b := <-got
	if len(b) != 2*writers*each {
		t.Fatalf("%d bytes arrived", len(b))
	}
	next := make([]byte, writers)
	for pair := range slices.Chunk(b, 2) {
		if pair[1] != next[pair[0]] {
			t.Fatalf("of writer %d came %d, want %d", pair[0], pair[1], next[pair[0]])
		}
		next[pair[0]]++
	}
	if counted.n >= writers*each {
		t.Errorf("%d writes", counted.n)
	}
	if _, err := g.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write after the end: %v", err)
	}
}

type countedWrites struct {
	net.Conn
	n int
}

func (c *countedWrites) Write(b []byte) (int, error) { c.n++; return c.Conn.Write(b) }

// A write that fails ends the connection for its reader, and every later write.
func TestGatheringTellsOfAFailedWrite(t *testing.T) {
	near, far := net.Pipe()
	failure := errors.New("a broken wire")
	g := newGathering(&brokenWrites{Conn: near, err: failure})
	read := make(chan error, 1)
	go func() { _, err := g.Read(make([]byte, 1)); read <- err }()
	if _, err := g.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-read:
		if err == nil {
			t.Error("something was read")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the reader is not told")
	}
	if _, err := g.Write([]byte("y")); !errors.Is(err, failure) {
		t.Errorf("the next write: %v", err)
	}
	_ = g.Close()
	_ = far.Close()
}

type brokenWrites struct {
	net.Conn
	err error
}

func (c *brokenWrites) Write([]byte) (int, error) { return 0, c.err }

// Who writes more than a peer reads waits, and not for ever once it is closed.
func TestGatheringIsBounded(t *testing.T) {
	near, far := net.Pipe() // nobody reads
	g := newGathering(near)
	waited := make(chan int, 1)
	go func() {
		n := 0
		for {
			if _, err := g.Write(make([]byte, 64<<10)); err != nil {
				waited <- n
				return
			}
			n++
		}
	}()
	select {
	case n := <-waited:
		t.Fatalf("the writer was turned away after %d writes", n)
	case <-time.After(50 * time.Millisecond):
	}
	_ = g.Close() // the last write runs into its deadline
	if n := <-waited; n > 9 {
		t.Errorf("%d times 64 KiB were taken, though nobody reads", n)
	}
	_ = far.Close()
}
