// Package chaos breaks a running AGATA and watches whether it mends itself.
//
// A system under test is real: processes of the built command, brokers, sockets,
// files, and tasks that report rounds for ever. A schedule of an operator's
// actions and of faults follows from a seed; while it runs, and after it, the
// invariants are checked (see [Invariant]). The same seed gives the same schedule,
// and not the same interleaving: the processes and the kernel are real.
//
// A closed system asks everybody for credentials, encrypts everything and runs
// signed tasks alone: nothing that is broken may open it ([Options.Closed]).
//
// [Run] is `agata bench chaos`; [Faults] is `agata bench faults`, the campaign of
// task faults.
package chaos
