package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain makes the test binary itself the task when it is started under the
// name of a side, so that tests run real processes without building another.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "server", "client":
		main()
	}
	goleak.VerifyTestMain(m)
}

func TestModelLearnsUnlessLabelsAreShuffled(t *testing.T) {
	for _, tt := range []struct {
		shuffled    bool
		least, most float64
	}{{false, 0.85, 1}, {true, 0, 0.45}} {
		data, test := synthetic(7, 0, 2, tt.shuffled)
		if len(data) != 800 || len(test) != 200 {
			t.Fatalf("%d samples to train on and %d to test on, want 800 and 200", len(data), len(test))
		}
		w := make(weights, classes*row).train(data, 3, 0.01, rand.New(rand.NewPCG(1, 1)))
		got, loss := w.test(test)
		if got < tt.least || got > tt.most {
			t.Errorf("accuracy with shuffled=%v is %v, want %v to %v", tt.shuffled, got, tt.least, tt.most)
		}
		if _, before := make(weights, classes*row).test(test); !tt.shuffled && loss > before/2 || loss <= 0 {
			t.Errorf("the loss with shuffled=%v is %v, %v before the training", tt.shuffled, loss, before)
		}
	}
}

func TestAverageWeighsByExamples(t *testing.T) {
	one, four := make(weights, classes*row), make(weights, classes*row)
	one[0], four[0] = 1, 4
	mean, ok := average([]result{{Examples: 100, Weights: one}, {Examples: 200, Weights: four}})
	if !ok || mean[0] != 3 {
		t.Errorf("the mean of 1 (100 examples) and 4 (200) is %v, %v; want 3", mean[0], ok)
	}
	if _, ok := average(nil); ok {
		t.Error("there is a mean of nothing")
	}
}

func TestPartitionOf(t *testing.T) {
	for _, tt := range []struct {
		text         string
		index, count int
		ok           bool
	}{
		{"0/2", 0, 2, true}, {"1/2", 1, 2, true},
		{"2/2", 0, 0, false}, {"-1/2", 0, 0, false}, {"1", 0, 0, false}, {"a/b", 0, 0, false},
	} {
		index, count, err := partitionOf(tt.text, "")
		if index != tt.index || count != tt.count || (err == nil) != tt.ok {
			t.Errorf("partitionOf(%q) = %d, %d, %v", tt.text, index, count, err)
		}
	}
	one, _, _ := partitionOf("", "client-1")
	again, count, err := partitionOf("", "client-1")
	if one != again || count != 4 || one < 0 || one >= 4 || err != nil {
		t.Errorf("a client's id chooses %d, then %d of %d (%v); want the same of 4", one, again, count, err)
	}
}

// TestServerOutlivesBadClients: one says nothing sensible, one leaves in the
// middle of a round; the training goes on with those that work.
func TestServerOutlivesBadClients(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	var rounds []int
	s := &server{rounds: 2, minClients: 2, roundTimeout: 5 * time.Second,
		report: func(round int, _, _ float64) { rounds = append(rounds, round) }}
	done := make(chan error, 1)
	go func() { done <- s.run(listener, func(error) {}) }()

	say := func(text string) net.Conn {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	say("GET / HTTP/1.1\r\n\r\n").Close()
	garbled := say(`{"partition":0}`)
	defer garbled.Close()
	leaving := say(`{"partition":1}`)
	if _, err := leaving.Read(make([]byte, 1)); err != nil { // the first round has begun
		t.Fatal(err)
	}
	leaving.Close()
	if _, err := io.WriteString(garbled, `{"examples":10,"weights":[1]}`); err != nil {
		t.Fatal(err)
	}

	clients := make(chan error, 2)
	for i := range 2 {
		c := &client{server: address, wait: time.Second, seed: 7, partition: i, of: 2, epochs: 1, learningRate: 0.01, report: func(int, float64, float64) {}}
		go func() { clients <- c.run() }()
	}
	if err := errors.Join(<-done, <-clients, <-clients); err != nil {
		t.Fatal(err)
	}
	if len(rounds) != 2 {
		t.Errorf("rounds %v were reported, want 1 and 2", rounds)
	}
}

func TestClientRefusesAServerOfAnotherKind(t *testing.T) {
	for _, said := range []string{`{"do":"dance","weights":[]}`, `{"do":"fit","round":1,"weights":[1,2]}`} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c := &client{server: listener.Addr().String(), wait: time.Second, seed: 7, of: 2}
		done := make(chan error, 1)
		go func() { done <- c.run() }()
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, said); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err == nil || errors.Is(err, errUnreachable) {
			t.Errorf("told %s the client returned %v, want an error of the task's own", said, err)
		}
		conn.Close()
		listener.Close()
	}
}
