// Package control is what AGATA decides, without what it does: which task a
// client asks for, starts, stops, holds back or tries again, and which tasks the
// cloud offers to whom.
//
// Its types are state machines. They have no goroutine, no clock, no randomness
// of their own and no I/O: time and events go in, actions come out. The services
// carry these out with processes, sockets and files (services/client-task-manager,
// services/cloud-task-manager); internal/simulation carries them out in a world of
// its own, for thousands of clients and days at a time, so that what is tested
// there is what runs.
package control
