package httpx_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/httpx"
	"github.com/agata-fl/agata/internal/pki"
	"github.com/agata-fl/agata/internal/testenv/brokertest"
)

// Over HTTP/2 as over HTTP/1.1 a stream that sets its own deadlines outlives the
// server's, a body that comes slowly as well, and a server that stops says so.
func TestDeadlinesOverHTTP2(t *testing.T) {
	f := pki.Folder(t.TempDir())
	if err := f.Init(nil, time.Now(), false); err != nil {
		t.Fatal(err)
	}
	silent := slog.New(slog.DiscardHandler)
	own, err := pki.ServerConfig(config.TLS{Cert: f.Cert("server"), Key: f.Key("server")}, silent)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := pki.ClientConfig(config.TLS{CA: f.Cert("ca")}, silent)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		ctl := http.NewResponseController(w)
		for i := 0; ; i++ {
			if err := ctl.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Errorf("the stream's deadline: %v", err)
			}
			fmt.Fprintf(w, "%d %s\n", i, r.Proto)
			if err := ctl.Flush(); err != nil {
				return
			}
			select {
			case <-time.After(200 * time.Millisecond):
			case <-httpx.Draining(r.Context()):
				fmt.Fprintln(w, "stopping")
				return
			}
		}
	})
	mux.HandleFunc("POST /slow", func(w http.ResponseWriter, r *http.Request) {
		ctl := http.NewResponseController(w)
		if err := errors.Join(ctl.SetReadDeadline(time.Now().Add(time.Minute)), ctl.SetWriteDeadline(time.Now().Add(time.Minute))); err != nil {
			t.Errorf("the body's deadlines: %v", err)
		}
		body, err := io.ReadAll(r.Body)
		fmt.Fprint(w, len(body), err)
	})
	const least = 1500 * time.Millisecond
	s, err := httpx.New(httpx.Options{Addr: "127.0.0.1:0", TLS: own, Handler: httpx.Chain(mux, httpx.Log(silent), httpx.Recover(silent)),
		ReadTimeout: least, WriteTimeout: least})
	if err != nil {
		t.Fatal(err)
	}
	stop := brokertest.Run(t, "a server", s.Run)
	client := &http.Client{Transport: httpx.Secure(&http.Transport{}, trust)}
	defer client.CloseIdleConnections()

	began := time.Now()
	resp, err := client.Get("https://" + s.Addr() + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for time.Since(began) < 2*least {
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), " HTTP/2.0") {
			t.Fatalf("the stream ended after %s: %q, %v", time.Since(began), lines.Text(), lines.Err())
		}
	}
	body, feed := io.Pipe()
	go func() {
		for range 10 {
			_, _ = feed.Write([]byte("0123456789"))
			time.Sleep(2 * least / 10)
		}
		feed.Close()
	}()
	slow, err := client.Post("https://"+s.Addr()+"/slow", "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Body.Close()
	if said, err := io.ReadAll(slow.Body); string(said) != "100 <nil>" || err != nil {
		t.Errorf("a slow body: %q, %v", said, err)
	}
	go stop()
	last := ""
	for lines.Scan() {
		last = lines.Text()
	}
	if last != "stopping" || lines.Err() != nil {
		t.Errorf("the stream ended with %q, %v", last, lines.Err())
	}
	stop()
}
