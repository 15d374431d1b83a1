// Package amqpd is a small AMQP 0-9-1 broker that lives inside a Go process.
//
// IT IS FOR ONE MACHINE AND KEEPS EVERYTHING IN MEMORY. It is the default of a
// bare machine and of tests; production is RabbitMQ. When the process ends,
// every queue and every message is gone, whatever "durable" or "persistent"
// was asked for: both are accepted, and neither is honoured.
//
// What it does serve it serves as RabbitMQ does, with the same reply codes and
// the same texts, so that amqp091-go, pika and others work unchanged. The suite
// in amqptest runs against both and holds the two together.
//
// Not served: transactions, priorities, streams, several virtual hosts,
// clustering, and CC/BCC sender-selected routing.
//
// # Shape
//
// A connection is two goroutines: one reads frames and does what they say, one
// writes whatever has gathered in the connection's buffer since its last write.
// A queue is a mutex and a deque. Whoever changes a queue, a publisher or an
// acknowledging consumer, also moves its messages into the buffers of ready
// consumers; there is no goroutine and no timer for a queue or a message. One
// goroutine a server, the clock, wakes queues when the head of one expires.
//
// Locks are taken in this order, and any may be skipped:
//
//	broker.mu -> queue.mu -> channel.mu -> output.mu
package amqpd
