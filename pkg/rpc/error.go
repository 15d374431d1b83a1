package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
)

// Code says of what kind an [Error] is. The set is closed.
type Code string

// The codes. Invalid is the caller's mistake in its arguments; Unavailable
// means that nobody could be asked or that the outcome is unknown because the
// connection broke; Internal is everything that is not the caller's business.
const (
	Invalid      Code = "invalid"
	NotFound     Code = "not_found"
	Conflict     Code = "conflict"
	Unauthorized Code = "unauthorized"
	Forbidden    Code = "forbidden"
	Unavailable  Code = "unavailable"
	Deadline     Code = "deadline"
	Internal     Code = "internal"
)

// Error is a failure that crosses a service's border. Message is the wire's
// text; Err, when present, is the cause and stays inside the process.
type Error struct {
	Code    Code
	Message string
	Err     error
}

// Error returns the message alone: it is what the wire carries.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrNobody is the cause of an Unavailable error when the broker knows no queue
// of the function's name: its service never ran there.
var ErrNobody = errors.New("nobody serves the function")

// ErrAnother ends a worker that was to be alone and is not.
var ErrAnother = errors.New("another one is there")

// Errorf makes an Error; a %w in the format keeps the cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Text makes an Error with a fixed text of the wire.
func Text(code Code, text string) *Error { return &Error{Code: code, Message: text} }

// CodeOf tells the code of any error: that of an [Error] in its chain, Deadline
// for an ended context, Unavailable for a full disk, Internal for the rest, "" for
// nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Deadline
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return Unavailable
	}
	return Internal
}

// WireStatus is the code's status_code in a reply: 400 for the caller's
// arguments, 500 for all else.
func (c Code) WireStatus() int {
	if c == Invalid {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// HTTPStatus is the code's status on routes of AGATA's own API.
func (c Code) HTTPStatus() int {
	switch c {
	case Invalid:
		return http.StatusBadRequest
	case NotFound:
		return http.StatusNotFound
	case Conflict:
		return http.StatusConflict
	case Unauthorized:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case Unavailable:
		return http.StatusServiceUnavailable
	case Deadline:
		return http.StatusGatewayTimeout
	default:
		return http.StatusInternalServerError
	}
}

// known tells whether a code read from the wire is one of ours.
func (c Code) known() bool {
	switch c {
	case Invalid, NotFound, Conflict, Unauthorized, Forbidden, Unavailable, Deadline, Internal:
		return true
	}
	return false
}
