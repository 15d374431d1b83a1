//go:build race

package supervise_test

// The race detector needs memory of its own.
const limitMB = 64
