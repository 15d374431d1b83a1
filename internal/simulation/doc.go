// Package simulation runs AGATA's control plane in a world of its own: thousands
// of clients for days, in minutes, on a virtual clock, and twice the same from the
// same seed.
//
// What decides there is what decides in the services: control.Client on every
// client, control.Offers at the cloud, the quarantine and the restarts of package
// policy, the criteria. What they act on is a model: a network that delays, loses,
// repeats and parts; managers that are killed between any two steps, and adopt;
// machines that lose their power and start without a network; task processes that
// finish, crash, hang and report; operators who create, start, stop and mend
// tasks. The model keeps what the real parts keep: folders of executions, the
// client's state and quarantine, the cloud's record of tasks, the queue of records
// for the history.
//
// The model also knows the truth, which no part of AGATA does, and holds AGATA to
// it (truth.go): one copy of a task at a client, nothing that is set aside, no
// process without a record and no record without a process, each end told once,
// and every client at what it should do within a bound after what disturbed it.
//
// One goroutine takes one event after the other from a queue that is ordered by
// time, then by birth; all chance is drawn from one source; nothing iterates over
// a map. So the digest of all events is a proof that two runs were the same.
package simulation
