package supervise

import (
	"context"
	"os"
	"time"

	"github.com/agata-fl/agata/internal/supervise/shim"
)

// await waits for the shim's end, or for the detachment. Neither a caller's
// context nor a stop ends this wait: only the process does.
func (p *Process) await() {
	stop := context.AfterFunc(p.ctx, p.handle.interrupt)
	err := p.handle.wait()
	stop()
	if err != nil {
		if p.ctx.Err() == nil {
			p.m.log.Error("the end of a process cannot be awaited", "id", p.ID(), "err", err)
		}
		p.handle.close()
		close(p.done)
		return
	}
	p.handle.reap()
	p.handle.close()
	p.conclude()
}

// conclude reads how the process ended. The shim is gone.
func (p *Process) conclude() {
	var exit shim.Exit
	if err := readJSON(shim.ExitPath(p.folder), &exit); err != nil {
		exit = p.lost()
	}
	if exit.Left > 0 {
		p.m.log.Error("processes of an ended execution do not end, even killed", "id", p.ID(), "count", exit.Left)
	}
	p.exit = exitOf(exit)
	p.exit.LastLines = p.Tail(20)
	close(p.ended)
	p.m.unconfine(p.spec)
	close(p.done)
}

// lost ends what a shim that died left behind, and records that nobody knows how
// its task ended.
func (p *Process) lost() shim.Exit {
	if p.spec.Cgroup != "" {
		_ = endCgroup(p.spec.Cgroup, goneBound) // what is not gone by then is swept for
	}
	left := sweep(p.folder, p.ID(), goneBound)
	why := "its shim ended without a word"
	if p.record.BootID != shim.BootID() {
		why = "the machine was restarted"
	}
	exit := shim.Exit{Reason: shim.ReasonLost, Code: -1, Error: why, Left: left, Started: p.record.Started, Ended: time.Now()}
	if log := p.shimLog(); log != "" {
		exit.Error += "; it said: " + log
	}
	if err := shim.WriteExit(p.folder, exit); err != nil {
		p.m.log.Warn("the end of a lost process cannot be recorded", "id", p.ID(), "err", err)
	}
	return exit
}

// shimLog is the beginning of what a crashing shim printed.
func (p *Process) shimLog() string {
	data, err := os.ReadFile(shim.ShimLogPath(p.folder))
	if err != nil {
		return ""
	}
	return string(data[:min(len(data), 500)])
}
