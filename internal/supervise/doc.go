// Package supervise runs task processes that outlive their manager.
//
// A Manager owns a folder with one sub-folder an execution. Start spawns a shim
// (package shim: this binary, re-executed), and the shim starts the task. The
// task writes to files, so it never waits for anybody; the Manager follows the
// files and waits for the shim's end. The truth about a process is its exit:
// exit.json, which the shim writes, watched or not.
//
//	Start ──► running ──leader exits──────────► ended: exited, exit_nonzero, signaled, oom_killed, limit_exceeded
//	             │  └──Stop: TERM, grace, KILL─► ended: stopped
//	             └──shim killed (task dies too)► ended: lost
//	Close (detach): the watchers leave, every task keeps running
//	Recover: the next Manager on the folder adopts what runs and reads what ended
//
// Two things that must not be confused: Stop means that the task must die; Close
// means that this manager leaves and the task must stay.
//
// In doubt a second copy is never started. A live execution is known by a lock
// that its shim holds and by boot id, pid and start time; never by a pid alone.
//
// Under systemd the manager's unit needs KillMode=process, or systemd ends the
// shims with it. Linux 5.4 or later.
package supervise
