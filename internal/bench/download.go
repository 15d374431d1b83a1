package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/agata-fl/agata/internal/artifact"
)

// The variants of the download bench, and the names of its figures.
const (
	fetched   = "download with digest, as a client fetches"
	plainHTTP = "the same bytes by plain HTTP into a file"
	catFile   = "cat > file"
	hashed    = "SHA-256 alone"
	resumed   = "killed at half, and started again"
	speed     = "speed"
	again     = "fetched again of what was on the disk"
	crossing  = "sent twice, in flight included"
)

const weights = "weights.bin"

func runDownload(ctx context.Context, e *Env) (r Result, err error) {
	r = Result{About: fmt.Sprintf("One file of %d MiB from the cloud's file server (a process of its own, the digest known to it) over loopback. Then a real client downloads it as a task's file and is killed "+
		"(SIGKILL) when half of it has come; the client that is started on its folder goes on.", e.Size>>20)}
	b := &Broker{Name: Embedded}
	s, err := e.newSystem(ctx, b)
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return r, err
	}
	s.set["server.files.max_file_mb"] = strconv.FormatInt(e.Size>>20+1, 10)
	if err := s.serveCloud(ctx); err != nil {
		return r, err
	}
	id, err := s.create(ctx, waits, weights)
	if err != nil {
		return r, err
	}
	source := filepath.Join(s.dir, "cloud", "cloud", "tasks", "task_"+id, weights)
	if err := writeRandom(source, e.Size); err != nil {
		return r, err
	}
	variants, done, err := e.downloads(s, id, source)
	if err != nil {
		return r, err
	}
	defer done()
	g, err := e.interleave(ctx, fmt.Sprintf("%d MiB", e.Size>>20), variants...)
	if err != nil {
		return r, err
	}
	k, err := e.killed(ctx, s, id)
	if err != nil {
		return r, err
	}
	r.Groups = append(r.Groups, g, k)
	r.Goals = append(r.Goals, g.ratio("download / SHA-256 alone", 0.8, speed, fetched, hashed), k.worst("fetched again after the kill", 0, resumed, again))
	return r, nil
}

// writeRandom makes a file that nothing can shorten.
func writeRandom(path string, size int64) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{}), size)
	return err
}

// downloads are the ways to get the file that are compared.
func (e *Env) downloads(s *system, id, source string) (variants []Variant, done func(), err error) {
	f, err := artifact.NewFetcher(artifact.FetcherOptions{BaseURL: s.services.at("files"), Limits: artifact.Limits{FileBytes: e.Size + 1, TotalBytes: e.Size + 1}})
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(s.dir, "copy")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, err
	}
	target := filepath.Join(dir, weights)
	timed := func(name string, do func(context.Context) error) {
		variants = append(variants, Variant{Name: name, Measure: func(ctx context.Context) (Round, error) {
			if err := os.RemoveAll(target); err != nil {
				return Round{}, err
			}
			began := time.Now()
			err := do(ctx)
			took := time.Since(began)
			return Round{Values: []Value{{Name: speed, Unit: "MB/s", Value: float64(e.Size) / 1e6 / took.Seconds(), More: true}}}, err
		}})
	}
	timed(fetched, func(ctx context.Context) error {
		_, err := f.Fetch(ctx, artifact.Request{TaskID: id, User: "user", Password: "secret", Paths: []string{weights}, Dir: dir})
		return err
	})
	timed(plainHTTP, func(ctx context.Context) error {
		return get(ctx, s.services.at("files")+"/download/"+id+"/"+weights, target)
	})
	timed(catFile, func(ctx context.Context) error {
		return exec.CommandContext(ctx, "/bin/sh", "-c", `cat "$0" > "$1"`, source, target).Run()
	})
	timed(hashed, func(context.Context) error {
		in, err := os.Open(source)
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.Copy(sha256.New(), in)
		return err
	})
	return variants, f.Close, nil
}

// get is a download with nothing around it.
func get(ctx context.Context, where, target string) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth("user", "secret")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the file server answered %s", resp.Status)
	}
	f, err := os.Create(target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, resp.Body)
	return err
}

// killed kills a client at half of its download and starts it again.
func (e *Env) killed(ctx context.Context, s *system, id string) (Group, error) {
	way, err := newCounting(s.services.at("files"), weights)
	if err != nil {
		return Group{}, err
	}
	s.closers = append(s.closers, way.close)
	s.set["server.files.url"] = way.url()
	s.set["client.params.request_interval"] = "1"
	round := 0
	return e.interleave(ctx, resumed, Variant{Name: resumed, Measure: func(ctx context.Context) (Round, error) {
		round++
		folder := fmt.Sprintf("client-%d", round)
		return s.killedOnce(ctx, way, id, folder)
	}})
}

func (s *system) killedOnce(ctx context.Context, way *counting, id, folder string) (r Round, err error) {
	p, err := s.serve(ctx, folder, "client-gateway", "client-task-manager")
	if err != nil {
		return r, err
	}
	way.passed.Store(0)
	if err := s.startTask(ctx, id); err != nil {
		return r, err
	}
	if err := s.until(ctx, 10*patience, "half of the file has come", func() bool { return way.passed.Load() >= s.e.Size/2 }); err != nil {
		return r, err
	}
	p.kill()
	way.quiet()
	first := way.passed.Swap(0)
	target := filepath.Join(s.dir, folder, "client", "tasks", "task_"+id, weights)
	had, err := partOf(target)
	if err != nil {
		return r, err
	}
	if p, err = s.serve(ctx, folder, "client-gateway", "client-task-manager"); err != nil {
		return r, err
	}
	if err := s.until(ctx, 10*patience, "all of the file has come", func() bool { info, err := os.Stat(target); return err == nil && info.Size() == s.e.Size }); err != nil {
		return r, fmt.Errorf("%w: %s", err, p.tail())
	}
	second := way.passed.Load()
	if err := s.stopTask(ctx, id); err != nil {
		return r, err
	}
	if err := p.stop(); err != nil {
		return r, err
	}
	kib := func(n int64) float64 { return float64(n) / 1024 }
	return Round{Values: []Value{
		{Name: "on the disk when killed", Unit: "KiB", Value: kib(had), More: true},
		{Name: again, Unit: "KiB", Value: kib(second - (s.e.Size - had))},
		{Name: crossing, Unit: "KiB", Value: kib(first + second - s.e.Size)},
	}}, nil
}

// partOf is the size of what has come of a file that is not whole.
func partOf(target string) (int64, error) {
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		if entry.Name() != weights && strings.HasPrefix(entry.Name(), weights) {
			info, err := entry.Info()
			if err != nil {
				return 0, err
			}
			return info.Size(), nil
		}
	}
	return 0, fmt.Errorf("%s: nothing has come of it, or all of it, before the client was killed", target)
}
