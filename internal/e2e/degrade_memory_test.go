package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agata-fl/agata/internal/testenv"
)

// A thousand streams that are read slowly or not at all, and a thousand requests
// with the largest bodies at once: the gateway sheds what is too much, stays within
// its memory, and serves on.
func TestDegradeMemory(t *testing.T) {
	agata(t)
	gateway := testenv.Port(t)
	cmd := command(t, t.TempDir(), os.Environ(), map[string]string{
		"client.broker.port": "0", "server.broker.port": "0", "broker.mode": "embedded", "log.level": "error",
		"server.gateway.port": strconv.Itoa(gateway), "server.files.port": "0", "client.info.user_id": "ada", "tasks.python": python(t),
	}, "up")
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(gateway))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	post := func(body io.Reader) (status int, err error) {
		resp, err := client.Post("http://"+addr+"/"+updateMe, "application/json", body)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, err
	}
	small := func() bool {
		s, err := post(strings.NewReader(`{"user_id":"bob","data_qnt":1}`))
		return err == nil && s == 200
	}
	testenv.Eventually(t, patience, "the gateway answers", small)
	idle, _ := resident(t, cmd.Process.Pid)

	streams := make([]net.Conn, 0, 1000)
	defer func() {
		for _, c := range streams {
			c.Close()
		}
	}()
	for i := range cap(streams) {
		c, err := net.DialTimeout("tcp", addr, patience)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, c) // asked for, and never read
		if _, err := fmt.Fprintf(c, "GET /api/v1/clients/c%d/downlink HTTP/1.1\r\nHost: %s\r\n\r\n", i, addr); err != nil {
			t.Fatal(err)
		}
	}
	testenv.Eventually(t, patience, "the gateway answers beside the streams", small)
	with, _ := resident(t, cmd.Process.Pid)
	t.Logf("%.1f MB idle, %.1f MB with %d streams that nobody reads", float64(idle)/1e6, float64(with)/1e6, len(streams))

	body := `{"user_id":"big","data_qnt":1,"attributes":{"a":"` + strings.Repeat("x", 1<<20-100) + `"}}`
	var wg sync.WaitGroup
	var mu sync.Mutex
	counts := map[string]int{}
	began := time.Now()
	for range 1000 {
		wg.Go(func() {
			status, err := post(strings.NewReader(body))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				if counts["cut off"]++; counts["cut off"] == 1 {
					t.Logf("cut off after %s: %v", time.Since(began).Round(time.Millisecond), err)
				}
			} else {
				counts[strconv.Itoa(status)]++
			}
		})
	}
	wg.Wait()
	now, peak := resident(t, cmd.Process.Pid)
	t.Logf("1,000 bodies of 1 MiB at once: %v in %s; %.1f MB after them, %.1f MB at most", counts, time.Since(began).Round(time.Millisecond), float64(now)/1e6, float64(peak)/1e6)
	if counts["500"] == 0 {
		t.Error("nothing was shed")
	}
	if peak > 500e6 { // without a bound it is 1.1 GB
		t.Errorf("the process took %.1f MB", float64(peak)/1e6)
	}
	testenv.Eventually(t, patience, "the gateway answers afterwards", small)
}
