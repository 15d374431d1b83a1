// Package testenv gives tests what they need from outside the process: a private
// RabbitMQ node, a Python with pika, the built command agata, a free port. What is
// missing is skipped with a sentence that says how to get it; `make test` provides
// all of it, and continuous integration counts such a skip as a failure.
package testenv
