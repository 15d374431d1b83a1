// Package database is where a store keeps its tables: in an SQLite file of its
// own, or in a schema of its own in a PostgreSQL database that several replicas
// of a service share. Stores are written once; what differs between the two is
// in their migrations, and in the few statements that ask for the [Engine].
//
// Updates take turns, with both engines and over all processes: what a store
// reads in an Update is what it changes. With SQLite there is one connection that
// writes; several would meet as SQLITE_BUSY and wait in the driver's sleep loop.
// With PostgreSQL an Update begins by taking an advisory lock, of the whole store,
// or of one key of it (UpdateOf), and then reads what is committed. So nothing
// depends on isolation levels, and nearly nothing has to be repeated.
//
// Statements are written with ?, ?1, ?2 for their parameters; PostgreSQL's get $1.
//
// A commit survives the death of the process. An SQLite file is not flushed to the
// disk before Update returns (synchronous=NORMAL): a power cut may lose the last
// commits, and never corrupts the file. Flushing each would cost forty times as
// much, and the state of tasks does not need it; Options.Durable is for what does.
// PostgreSQL flushes unless it is set up otherwise.
//
// The schema is a folder of forward-only migrations, embedded in the binary; those
// for PostgreSQL are in its folder postgres.
package database
