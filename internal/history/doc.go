// Package history keeps what happened, at the cloud and at its clients, in one
// SQLite file: events, rounds of training, executions, clients' states; and what
// the cloud's gateway must not forget between two requests: commands that wait
// for clients, and the answers of requests that may be sent twice.
//
// Records come in at any rate, in any order, more than once, and from machines
// whose clocks are wrong. [Store.Add] stores each once, in one transaction, and
// passes over what makes no sense. Every stored record gets a number, its seq,
// by which live readers go on where they were ([Store.Since], [Store.Wait]);
// people read by time ([Store.Events], [Store.Density]).
//
// What it holds is bounded, by age and by number; what is too old is removed in
// small steps, in the order of its arrival, beside everything else.
package history
