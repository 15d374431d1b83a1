package attack

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// say writes bytes to a server as they are, and returns the status of each answer
// until it ends the connection, or none comes for a second.
func say(t testing.TB, addr, text string) (statuses []int, all string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return nil, ""
	}
	var b strings.Builder
	r := bufio.NewReader(io.TeeReader(conn, &b))
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses, b.String()
		}
		statuses = append(statuses, resp.StatusCode)
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return statuses, b.String()
		}
		_ = resp.Body.Close()
		_ = conn.SetReadDeadline(time.Now().Add(time.Second)) // for a further answer
	}
}

func TestNoRequestIsSmuggledInAnother(t *testing.T) {
	w := newWorld(t)
	operator := "Authorization: Bearer " + w.tokens["operator"] + "\r\n"
	smuggled := "POST /rpc_exec_create_task HTTP/1.1\r\nHost: x\r\n" + operator + "Content-Length: 92\r\n\r\n" +
		`{"task_id":"smuggled","host":"h","port":1,"username":"u","password":"p","files_paths":[]}   `
	head := "POST /rpc_exec_get_user_info HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled)
	for name, text := range map[string]string{
		"two lengths":            head + "Content-Length: 2\r\nContent-Length: " + fmt.Sprint(len(smuggled)+2) + "\r\n\r\n{}" + smuggled,
		"a list of lengths":      head + "Content-Length: 2, 200\r\n\r\n{}" + smuggled,
		"a signed length":        head + "Content-Length: +2\r\n\r\n{}" + smuggled,
		"a negative length":      head + "Content-Length: -1\r\n\r\n" + smuggled,
		"a hexadecimal length":   head + "Content-Length: 0x2\r\n\r\n{}" + smuggled,
		"an enormous length":     head + "Content-Length: 99999999999999999999\r\n\r\n{}" + smuggled,
		"odd encodings":          head + "Transfer-Encoding: xchunked\r\n\r\n" + chunked,
		"two encodings":          head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked,
		"encoding with a tab":    head + "Transfer-Encoding:\x0bchunked\r\nContent-Length: 2\r\n\r\n{}" + smuggled,
		"a blank before a colon": head + "Content-Length : 2\r\n\r\n{}" + smuggled,
		"a folded header":        head + "X: a\r\n Content-Length: 2\r\nContent-Length: x\r\n\r\n{}" + smuggled,
		"a bad chunk size":       head + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + smuggled,
		"a negative chunk":       head + "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n" + smuggled,
		"a NUL in a header":      head + "X: a\x00b\r\nContent-Length: 2\r\n\r\n{}" + smuggled,
		"no host":                "POST /rpc_exec_get_user_info HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" + smuggled,
		"two hosts":              "POST /rpc_exec_get_user_info HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 2\r\n\r\n{}" + smuggled,
	} {
		for _, addr := range []string{w.gateway, w.files} {
			statuses, _ := say(t, addr, text)
			if len(statuses) > 1 {
				t.Errorf("%s: %d answers %v", name, len(statuses), statuses)
			}
			for _, s := range statuses {
				if s < 400 {
					t.Errorf("%s: status %d", name, s)
				}
			}
		}
		if w.state("smuggled") != "" {
			t.Fatalf("%s: the second request was carried out", name)
		}
	}
	// With both a length and chunks the chunks count: what is in them is a body, and
	// no request.
	if statuses, _ := say(t, w.gateway, head+"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"+chunked); len(statuses) != 1 || statuses[0] != 401 {
		t.Errorf("a length and chunks: %v", statuses)
	}
	if w.state("smuggled") != "" {
		t.Error("a length and chunks: the second request was carried out")
	}
	// The probe works: as a request of its own it is carried out.
	if statuses, all := say(t, w.gateway, smuggled); len(statuses) != 1 || statuses[0] != 200 || w.state("smuggled") == "" {
		t.Errorf("the probe: %v %s", statuses, all)
	}
}

func TestNoNameGetsAHeaderOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.task("own")
	for _, name := range []string{`a".py`, "a;filename=b.html", "é ü.py", "a'b.py", "<script>.html", "a%0d%0aSet-Cookie:x=y"} {
		path := spellings(name)[0]
		if a := w.ask("operator", "PUT", "/api/v1/tasks/own/files/"+path, "<script>"); a.status == 201 {
			if to := a.header.Get("Location"); strings.ContainsAny(to, "\r\n") {
				t.Errorf("%q: Location %q", name, to)
			}
			got := w.must(200, "viewer", "GET", "/api/v1/tasks/own/files/"+path, "")
			if !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") || got.header.Get("Content-Type") != "application/octet-stream" ||
				got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Set-Cookie") != "" {
				t.Errorf("%q comes with %v", name, got.header)
			}
		}
	}
	for _, path := range []string{"/rpc_x%0d%0aSet-Cookie:%20a=b", "/api/v1/tasks/%0d%0aSet-Cookie:%20a=b", "/api%0d%0aX:y/../x", "//evil.example/%2e%2e", "/\\evil.example", "/api/v1/%2f%2fevil.example"} {
		for _, a := range []answer{w.ask("operator", "GET", path, ""), w.ask("nobody", "POST", path, "{}")} {
			if a.header.Get("Set-Cookie") != "" || a.header.Get("X") != "" || strings.Contains(a.header.Get("Location"), "//") || strings.Contains(a.header.Get("Location"), "\\") {
				t.Errorf("%s: %v", path, a.header)
			}
		}
	}
}

func TestNoHeaderMakesSomebodyElse(t *testing.T) {
	w := newWorld(t, "auth.sign_in_per_minute", "3")
	for name, header := range map[string][]string{
		"X-Forwarded":   {"X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", "localhost", "X-Forwarded-Proto", "https", "Forwarded", "for=127.0.0.1", "X-Real-IP", "127.0.0.1"},
		"Host":          {"Host", "localhost"},
		"an override":   {"X-HTTP-Method-Override", "GET", "X-Original-URL", "/healthz", "X-Rewrite-URL", "/healthz"},
		"proxy's words": {"X-Remote-User", "admin", "Remote-User", "admin", "X-Forwarded-User", "admin", "Agata-Seal", "v1.e30.AA", "agata-identity", "admin"},
	} {
		if a := w.ask("nobody", "GET", "/api/v1/tasks", "", header...); a.status != 401 {
			t.Errorf("%s: %v", name, a)
		}
		if a := w.ask("viewer", "POST", "/api/v1/tasks/a/start", "{}", header...); a.status != 403 {
			t.Errorf("%s: %v", name, a)
		}
	}
	// Another address in a header is not another address.
	last := 0
	for i := range 5 {
		address := fmt.Sprintf("192.0.2.%d", i)
		last = w.ask("nobody", "POST", "/api/v1/session", `{"name":"nobody`+fmt.Sprint(i)+`","password":"wrong password"}`, "X-Forwarded-For", address, "Forwarded", "for="+address, "X-Real-IP", address).status
	}
	if last != 429 {
		t.Errorf("five attempts to sign in: %d", last)
	}
	// A host that is not ours makes no page of another origin ours.
	if a := w.ask("nobody", "DELETE", "/api/v1/session", "", "Host", "evil.example", "Cookie", "agata_session="+w.tokens["operator"], "Origin", "http://gateway.example", "Sec-Fetch-Site", "cross-site"); a.status == 204 && w.ask("operator", "GET", "/api/v1/tasks", "").status != 200 {
		t.Errorf("the session was ended from elsewhere: %v", a)
	}
}

// TestSlowCallersHoldUpNobody: connections that send their headers or bodies a
// byte at a time are cut off, and others are served meanwhile.
func TestSlowCallersHoldUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const slow = 300
	var conns []net.Conn
	for i := range slow {
		addr, text := w.gateway, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "
		switch i % 3 {
		case 1:
			text = "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
		case 2:
			addr = w.files
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for range 3 {
		began := time.Now()
		w.must(200, "nobody", "GET", "/healthz", "")
		w.must(200, "viewer", "GET", "/api/v1/tasks", "")
		if took := time.Since(began); took > patience/2 {
			t.Errorf("others waited %s", took)
		}
	}
	// Headers get 5 s, whatever trickles in.
	deadline := time.Now().Add(patience)
	for i, conn := range conns {
		if i%3 == 1 {
			continue // a body gets longer than a test should
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for time.Now().Before(deadline) {
				if _, err := conn.Write([]byte("a")); err != nil {
					return
				}
				time.Sleep(200 * time.Millisecond)
			}
		}()
		_ = conn.SetReadDeadline(deadline)
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Fatalf("connection %d is still open", i)
		}
		_ = conn.Close()
		<-ended
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}
