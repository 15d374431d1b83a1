// Package artifact keeps, serves and fetches the files of tasks.
//
// A task's code travels from the operator to the cloud (upload) and from there to
// every client that may run it (download), over plain HTTP that peers in other
// languages speak too. Store holds the files of the cloud's tasks, NewHandler
// serves and receives them, and Fetcher is the client's side.
//
// Names come from the network, so none is trusted: ValidPath and ValidTaskID refuse
// what could be read in two ways, and every file is opened through an os.Root of
// its own task's folder, where the kernel is asked step by step and a symbolic link
// cannot lead out.
//
// A file's identity is its SHA-256, sent as its ETag. So a fetch knows that what it
// has is whole, a broken one goes on where it stopped, and an unchanged file is not
// sent again. Uploads are flushed to the disk before they are acknowledged, because
// the operator will not send them twice. Downloads are not flushed: it would cost
// more than the transfer of a usual task, and the next Fetch compares the digest
// of what it finds before it trusts it, so a file torn by a power cut is replaced.
package artifact
