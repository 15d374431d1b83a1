package amqpd

import (
	"errors"
	"syscall"
)

// isExhausted says that accepting failed for want of something that may come
// back, such as file descriptors.
func isExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ECONNABORTED)
}
