package amqpd

import "fmt"

// Code is an AMQP reply code.
type Code uint16

// The reply codes that the broker sends.
const (
	ContentTooLarge    Code = 311
	NoRoute            Code = 312
	ConnectionForced   Code = 320
	InvalidPath        Code = 402
	AccessRefused      Code = 403
	NotFound           Code = 404
	ResourceLocked     Code = 405
	PreconditionFailed Code = 406
	FrameError         Code = 501
	SyntaxError        Code = 502
	CommandInvalid     Code = 503
	ChannelError       Code = 504
	UnexpectedFrame    Code = 505
	NotAllowed         Code = 530
	NotImplemented     Code = 540
	InternalError      Code = 541
)

var codeNames = map[Code]string{
	ContentTooLarge: "CONTENT_TOO_LARGE", NoRoute: "NO_ROUTE", ConnectionForced: "CONNECTION_FORCED",
	InvalidPath: "INVALID_PATH", AccessRefused: "ACCESS_REFUSED", NotFound: "NOT_FOUND",
	ResourceLocked: "RESOURCE_LOCKED", PreconditionFailed: "PRECONDITION_FAILED", FrameError: "FRAME_ERROR",
	SyntaxError: "SYNTAX_ERROR", CommandInvalid: "COMMAND_INVALID", ChannelError: "CHANNEL_ERROR",
	UnexpectedFrame: "UNEXPECTED_FRAME", NotAllowed: "NOT_ALLOWED", NotImplemented: "NOT_IMPLEMENTED",
	InternalError: "INTERNAL_ERROR",
}

// String gives the code's name in the protocol, as in "NOT_FOUND".
func (c Code) String() string {
	if s, ok := codeNames[c]; ok {
		return s
	}
	return fmt.Sprintf("CODE_%d", uint16(c))
}

// amqpError closes a channel, or with hard set the whole connection.
type amqpError struct {
	code   Code
	text   string
	hard   bool
	method methodID // the method that failed, 0 if none
}

// Error gives the reply text: with the code's name in front, and cut, as RabbitMQ
// does, to what a short string can hold.
func (e *amqpError) Error() string {
	s := e.code.String() + " - " + e.text
	if len(s) > 255 {
		s = s[:252] + "..."
	}
	return s
}

// chanError is an error that costs the client its channel.
func chanError(code Code, format string, args ...any) *amqpError {
	return &amqpError{code: code, text: fmt.Sprintf(format, args...)}
}

// connError is an error that costs the client its connection.
func connError(code Code, format string, args ...any) *amqpError {
	return &amqpError{code: code, text: fmt.Sprintf(format, args...), hard: true}
}

// The names of resources as RabbitMQ writes them in its texts.
func queueRef(name string) string    { return "queue '" + name + "' in vhost '/'" }
func exchangeRef(name string) string { return "exchange '" + name + "' in vhost '/'" }

func noQueue(name string) *amqpError    { return chanError(NotFound, "no %s", queueRef(name)) }
func noExchange(name string) *amqpError { return chanError(NotFound, "no %s", exchangeRef(name)) }
