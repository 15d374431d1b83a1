// Package failover breaks a node of a RabbitMQ cluster under a load of calls and
// events, and counts what came of each: what was acknowledged must have happened,
// once, and what the broker confirmed must be there. The services' own transport,
// dispatch and memory of calls are what is measured; the nodes are those that
// tools/testnodes starts.
package failover
