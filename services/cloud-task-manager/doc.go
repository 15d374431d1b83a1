// Package cloudtaskmanager is the cloud's record of tasks: it registers them,
// serves their files, runs their server sides, and tells each client which of
// them it may run.
//
// A task's state is that of its server side. Only what happens to the process
// changes it; an update of the record never does.
//
//	new ──start──► running ──reports Finished──► finished
//	                 │  ├──stop─────────────────► stopped
//	                 │  └──reports an error, ───► failed
//	                 │     or ends by itself
//	                 ▲
//	  finished, failed and stopped tasks start again
//
// All that changes one task takes turns. Each running task has one goroutine
// (follow.go), which reads what the process writes, acts on its reports, and
// records its end: the truth about a process is its exit. The running tasks are
// also held in memory (control.Offers), so that a client's request reads no database.
//
// Several managers may share one PostgreSQL database (shared.go). Each has a lease
// there (lease.go), a task belongs to the one that started it, which the others ask to
// stop it and for its output (forward.go), and an announced start is the claim on its
// task (claim.go). Every change is in a table that each manager follows, and what it
// offers comes from there (tail.go). On SQLite there is one manager and none of this.
//
// What happens is told twice: as events of the timeline, and as records for the
// cloud's history (history.go), which has executions and rounds besides. A service
// that takes over tells what the last one may have kept to itself.
package cloudtaskmanager
