// Package clientgateway is a client's way to the cloud: it serves two of the
// cloud's functions on the client's own broker and forwards their calls over
// HTTP to the cloud gateway, so that a client needs neither the address of the
// cloud's broker nor an open port of its own.
//
// By the same way goes what happens at the client, to the cloud's history, and
// what operators want of the client comes back (courier.go).
package clientgateway
