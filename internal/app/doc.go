// Package app puts services together: which ones, in which order, on which
// brokers. `agata up` and `agata serve` are this package with different names
// to start. It alone imports the services.
package app
