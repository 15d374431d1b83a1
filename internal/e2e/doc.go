// Package e2e holds tests of the whole: the services on real brokers, with real
// task processes, files and sockets, as an operator, a client and a peer written
// in Python meet them. It has no code of its own.
//
// Each file has one theme. The harness is in world_test.go (brokers, services),
// calls_test.go (calls and HTTP), tasks_test.go (task programs) and peer_test.go
// (testdata/peer.py).
package e2e
