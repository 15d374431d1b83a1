// Package amqpx is the transport of remote functions over AMQP 0-9-1.
//
// A session is a connection, its channels and an epoch. It is never repaired,
// only replaced: when a connection ends, the calls that wait on it fail at
// once, workers take their deliveries from the next session, and an
// acknowledgement that comes too late finds a closed channel instead of
// another message. The library's own recovery stays off for that reason.
//
// The caller's and the worker's sides have a connection each, so that a broker
// that holds back publishers does not hold back acknowledgements.
package amqpx
