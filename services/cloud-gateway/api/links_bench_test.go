package api

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/history"
	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/internal/testenv"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
)

// BenchmarkLink is what an open downlink costs: the time to open it, and memory.
func BenchmarkLink(b *testing.B) {
	store, err := history.Open(b.Context(), b.TempDir()+"/history.db", history.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	a, err := New(Options{Transport: brokertest.Connect(b, brokertest.Embedded(b)), History: store, Schemas: brokertest.Schemas(b)})
	if err != nil {
		b.Fatal(err)
	}
	server, err := httpx.New(httpx.Options{Addr: "127.0.0.1:0", Handler: httpx.Chain(a, httpx.Trace(), httpx.SecurityHeaders(), httpx.Gzip())})
	if err != nil {
		b.Fatal(err)
	}
	stop := brokertest.Run(b, "gateway", server.Run)
	defer stop()
	before, n := memory(), 0
	var conns []net.Conn
	for b.Loop() {
		conn, err := net.Dial("tcp", server.Addr())
		if err != nil {
			b.Fatal(err)
		}
		conns = append(conns, conn)
		if _, err := fmt.Fprintf(conn, "GET %s/clients/c%d/downlink HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", Prefix, n); err != nil {
			b.Fatal(err)
		}
		r := bufio.NewReaderSize(conn, 512)
		if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			b.Fatal(line, err)
		}
		n++
	}
	testenv.Eventually(b, 20*time.Second, "all links", func() bool { return len(a.linked) == n })
	b.ReportMetric(float64(memory()-before)/float64(n), "B/link")
	for _, conn := range conns {
		_ = conn.Close()
	}
}

func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
