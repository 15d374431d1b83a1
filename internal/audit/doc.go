// Package audit keeps a log of who did what, in which a later change shows.
//
// A log is a file of JSON lines, one for each thing done, that is only ever
// appended to. Each line ends with a hash over itself and so over the hash of the
// line before, which it names: to alter, remove or insert one, all that follow
// would have to be made anew. With a key the hash is an HMAC, so that this takes
// the key as well. Beside the log lies its head, the number and hash of the last
// line, so that lines cut off its end are missed.
//
// Who can write both files and read the key can rewrite all. Against that a head
// is kept elsewhere: `agata audit verify` prints it, and takes an earlier one to
// check that the log still holds it.
//
// An entry is handed to the system before the answer to the one who did it, and
// not flushed to the disk: it survives the death of the process, and a power cut
// may take the last ones, as with the services' databases.
package audit
