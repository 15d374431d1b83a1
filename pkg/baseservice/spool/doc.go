// Package spool is a queue of messages in a folder: what is put in comes out in
// its order, once it is confirmed never again, and what was not is still there
// after the process was killed.
//
// A message is a line of a segment file, CHECKSUM BODY, in one write(2) before
// Append returns. Nothing is flushed: a killed process loses no message, a power
// cut may lose the last ones. The place up to which all is confirmed lies in a
// file of its own, written after each confirmation, so that a process that is
// killed in between gives the last batch out twice.
//
// A segment whose messages are all confirmed is deleted; beyond the bound the
// oldest goes with what is in it. No process appends to a segment of another, so
// a line that a kill or a full disk tore is always the last of its file. A damaged
// line is passed over and counted. A folder belongs to one process at a time.
package spool
