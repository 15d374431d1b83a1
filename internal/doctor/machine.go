package doctor

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

const (
	mib = 1 << 20
	gib = 1 << 30

	minOpenFiles = 1024
	maxSkew      = 5 * time.Second
)

func dataFolder(p Probes, dir string) Result {
	const mend = "name another folder by --data, or give this user the right to write: chown -R $(id -u) "
	there, folder, err := p.Exists(dir)
	if err != nil {
		return failed(mend+dir, "cannot look at %s: %v", dir, err)
	}
	if there && !folder {
		return failed("move it away, or name another folder by --data", "%s is a file, not a folder", dir)
	}
	at := existing(p, dir)
	if err := p.Writable(at); err != nil {
		return failed(mend+at, "cannot write in %s: %v", at, err)
	}
	if !there {
		return ok("%s will be made", dir)
	}
	return ok("%s can be written", dir)
}

// existing is the folder itself or the nearest one above that is there.
func existing(p Probes, dir string) string {
	for dir != filepath.Dir(dir) {
		if there, folder, err := p.Exists(dir); err == nil && there && folder {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

func diskSpace(p Probes, dir string) Result {
	free, err := p.Free(existing(p, dir))
	mend := "make room (du -sh " + filepath.Join(dir, "*") + " shows what is large), or name another folder by --data"
	switch {
	case err != nil:
		return warning("df "+dir, "cannot tell how much room is left: %v", err)
	case free < 100*mib:
		return failed(mend, "only %s left for %s", size(free), dir)
	case free < gib:
		return warning(mend, "only %s left for %s", size(free), dir)
	}
	return ok("%s left for %s", size(free), dir)
}

func size(n uint64) string {
	if n < gib {
		return fmt.Sprintf("%.1f MiB", float64(n)/mib)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/gib)
}

func openFiles(p Probes) Result {
	n, err := p.OpenFiles()
	const mend = "ulimit -n 4096 before agata is started, or LimitNOFILE=4096 in its systemd unit"
	switch {
	case err != nil:
		return warning(mend, "cannot tell how many files may be open: %v", err)
	case n < minOpenFiles:
		return warning(mend, "only %d files may be open at once; many clients need more than %d", n, minOpenFiles)
	}
	return ok("%d may be open at once", n)
}

// clock compares this machine's clock with the cloud's: the timeline of events
// joins both.
func clock(ctx context.Context, p Probes, gateway string) Result {
	sent := p.Now()
	a, err := p.HTTP(ctx, http.MethodGet, gateway+"/healthz")
	if err != nil {
		return ok("nothing to compare with: the gateway at %s does not answer", gateway)
	}
	theirs, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return ok("nothing to compare with: the gateway at %s does not tell the time", gateway)
	}
	// The header has whole seconds, cut off; the middle of what it may mean.
	theirs = theirs.Add(time.Second / 2)
	ours := sent.Add(p.Now().Sub(sent) / 2)
	skew := ours.Sub(theirs)
	direction := "ahead of"
	if skew < 0 {
		skew, direction = -skew, "behind"
	}
	if skew > maxSkew {
		return warning("timedatectl set-ntp true, here and on the cloud's machine",
			"this clock is %s %s the cloud's: times of the two cannot be compared", skew.Round(time.Second), direction)
	}
	return ok("within %s of the gateway's", max(skew, time.Second).Round(time.Second))
}
