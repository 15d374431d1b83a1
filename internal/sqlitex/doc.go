// Package sqlitex opens the one SQLite file that a service owns, in the one way
// that behaves well under a server.
//
// SQLite takes one writer at a time. Several pooled connections that all write
// meet as SQLITE_BUSY, and wait in the driver's sleep loop; so all writes go
// through a pool of one connection, where database/sql queues them in order, and
// reads go through a pool of their own that cannot write. In WAL mode neither
// side blocks the other. Pragmas are part of the connection string, because one
// that is sent by Exec reaches a single pooled connection only.
//
// A commit survives the death of the process. It is not flushed to the disk
// before Update returns (synchronous=NORMAL): a power cut may lose the last
// commits, and never corrupts the file. Flushing each would cost forty times as
// much, and the state of tasks does not need it; Options.Durable is for what does.
//
// The schema is a folder of forward-only migrations, embedded in the binary.
package sqlitex
