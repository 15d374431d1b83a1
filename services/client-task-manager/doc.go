// Package clienttaskmanager is what runs on every client: it tells the cloud
// what the client has, asks which tasks the client may run, fetches a task's
// files, launches its client side and supervises it. When a task fails the
// client goes on with its next task at once; the failed one is kept out until
// its files change, its time is over, or somebody releases it.
//
// What to do is decided by control.Client, a state machine. One goroutine (loop.go)
// drives it. Polls, launching (launch.go) and watching (watch.go) are goroutines
// beside it that end in one answer or outcome each.
package clienttaskmanager
