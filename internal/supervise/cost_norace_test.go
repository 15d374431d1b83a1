//go:build !race

package supervise_test

const limitMB = 8
