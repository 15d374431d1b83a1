// Package clientgateway is a client's way to the cloud: it serves two of the
// cloud's functions on the client's own broker and forwards their calls over
// HTTP to the cloud gateway, so that a client needs neither the address of the
// cloud's broker nor an open port of its own.
//
// By the same way goes what happens at the client, to the cloud's history
// (courier.go), and what the cloud wants of the client comes back: at once by a
// stream that the gateway holds open (downlink.go), else with the answers to
// reports.
package clientgateway
