package testenv

import (
	"net"
	"os"
	"testing"
	"time"
)

// PythonVar names the environment variable that says which python3 has pika.
const PythonVar = "AGATA_TEST_PYTHON"

// Python gives the path of a python3 that can import pika, or skips the test.
func Python(t testing.TB) string {
	t.Helper()
	p := os.Getenv(PythonVar)
	if p == "" {
		t.Skipf("needs a python3 with pika in %s: `make test` makes one, or run `eval \"$(tools/testnodes python DIR)\"`", PythonVar)
	}
	return p
}

// Port gives a TCP port on 127.0.0.1 that was free a moment ago. Prefer port 0
// where the listener can be asked for its address.
func Port(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Eventually waits until ok returns true, and fails the test with what if that
// takes longer than timeout. Failing stops the test, so call it from the test's
// own goroutine.
func Eventually(t testing.TB, timeout time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(timeout)
	for wait := time.Millisecond; !ok(); wait = min(2*wait, 100*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("did not happen within %s: %s", timeout, what)
		}
		time.Sleep(wait)
	}
}
