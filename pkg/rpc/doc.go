// Package rpc is the caller's side of AGATA's remote functions, and the seam
// between services and the broker: the envelope of requests and answers, one
// error type with a small closed set of codes, and the interfaces that a
// transport fulfils. pkg/amqpx is the transport over AMQP 0-9-1; package
// rpctest is the suite that every transport passes.
package rpc
