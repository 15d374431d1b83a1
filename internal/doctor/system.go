package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/database"
	"github.com/agata-fl/agata/internal/pki"
)

// System returns the probes of the machine itself, which connect by TLS with
// secure; nil has the system's authorities.
func System(secure *tls.Config) Probes {
	return Probes{
		Run: runProgram, Listen: tryListen, Certificates: pki.Check,
		Broker: func(ctx context.Context, b config.Broker) (string, error) { return askBroker(ctx, b, secure) },
		Queues: func(ctx context.Context, b config.Broker, how config.BrokerMode, names []string) ([]string, error) {
			return askQueues(ctx, b, secure, how, names)
		},
		Database: func(ctx context.Context, s config.Store) (string, bool, error) {
			return database.Server{URL: s.URL, PasswordFile: s.PasswordFile, Connections: 1}.Probe(ctx)
		},
		HTTP: func(ctx context.Context, method, url string) (Answer, error) {
			return request(ctx, secure, method, url)
		},
		Writable: tryWrite, Exists: exists, Free: free, OpenFiles: maxOpenFiles, Now: time.Now,
		Account: findAccount, Controllers: missingControllers,
	}
}

func runProgram(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = overtime / 2 // a grandchild may hold the pipes
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("it did not end in time: %w", ctx.Err())
	}
	if lines := strings.Split(strings.TrimSpace(errs.String()), "\n"); lines[0] != "" {
		return "", fmt.Errorf("%w: %.300s", err, lines[len(lines)-1])
	}
	return "", err
}

func tryListen(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

func request(ctx context.Context, secure *tls.Config, method, url string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return Answer{}, err
	}
	// A client of its own: no connection is kept, no redirect followed.
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure.Clone()},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}, err
}

func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".agata-doctor-*")
	if err != nil {
		return err
	}
	_, err = f.Write([]byte("agata doctor\n"))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

func exists(path string) (there, folder bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	return true, info.IsDir(), nil
}

func free(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// maxOpenFiles is the limit that services have: the Go runtime raises it at the
// start to what this user may have.
func maxOpenFiles() (uint64, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, err
	}
	return r.Cur, nil
}
